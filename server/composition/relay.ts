import { randomUUID } from 'node:crypto'
import type { RelayState } from '../../shared/http-api.ts'
import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import type { Quarantine } from '../receiver/quarantine/quarantine.ts'
import { BackendHealth } from '../receiver/relay/backend-health.ts'
import { createForwarder } from '../receiver/relay/forwarder.ts'
import { openRelayQueue } from '../receiver/relay/queue.ts'
import { createRelay } from '../receiver/relay/relay.ts'
import type { Relay } from '../receiver/relay/relay.ts'
import type { Forwarder, RelayedRequest } from '../receiver/relay/relayed-request.ts'
import { createTracedForwarder } from '../receiver/relay/traced-forwarder.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing/tracing.ts'
import type { Lifecycle } from './lifecycle.ts'
import { createDamageReport, openInDataDir } from './storage.ts'

interface Dependencies {
  readonly quarantine: Quarantine
  readonly lifecycle: Lifecycle
  readonly metrics: Metrics
  readonly tracing: Tracing
  readonly log: Logger
}

/** The relay to the app's backend, and how it is. */
export interface RelayParts {
  readonly relay: Relay
  /** Queues a request again that was given up. Rejects with NOT_KEPT. */
  readonly retry: (request: RelayedRequest) => Promise<void>
  readonly state: () => RelayState
}

/** Resolves to undefined without a relay. Rejects with START_FAILED. */
export async function openRelay(
  config: Config,
  { quarantine, lifecycle, metrics, tracing, log }: Dependencies,
): Promise<RelayParts | undefined> {
  const relayOptions = options.relay(config)
  if (relayOptions === undefined) return undefined
  const health = new BackendHealth()
  const backend = createForwarder(relayOptions, { log })
  lifecycle.onStop('connections to the backend', backend.stop)
  const traced = createTracedForwarder(backend, tracing)
  const forwarder: Forwarder = {
    async forward(request, attempt) {
      const wasDown = health.isDown
      const outcome = await traced.forward(request, attempt)
      // Of an attempt that this process ended, nothing can be said.
      if (attempt.signal?.aborted === true) return outcome
      if (health.report(request.command, outcome)) {
        log.info('the backend answers again')
        queue.wake()
      } else if (health.isDown && !wasDown && outcome.kind === 'failed') {
        log.warn({ reason: outcome.reason }, 'the backend does not answer')
      }
      return outcome
    },
  }
  const queue = await openInDataDir(config, ({ dataDir }) =>
    openRelayQueue(
      {
        dataDir,
        maxBytes: relayOptions.maxQueueBytes,
        retryForMs: relayOptions.retryForMs,
        onDamage: createDamageReport(quarantine, log),
      },
      { forwarder, quarantine, metrics, log },
    ),
  )
  lifecycle.onStop('relay queue', queue.stop)
  queue.start()
  return {
    relay: createRelay(relayOptions, { forwarder, health, queue, quarantine, metrics, log }),
    // The backend may have got it before.
    retry: (request) => queue.add({ ...request, id: request.id || randomUUID() }, 'failed'),
    state: () => ({ ...queue.depth(), isDown: health.isDown }),
  }
}
