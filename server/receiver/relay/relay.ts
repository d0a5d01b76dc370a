import { randomUUID } from 'node:crypto'
import { GatewayError, reasonOf } from '../../../shared/errors.ts'
import { PROVIDER_TIMEOUT_MS } from '../../../shared/limits.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { denial, isBeforeCommand, noOpinion } from '../commands/before-commands.ts'
import { labelOf } from '../commands/known-commands.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import type { WebhookResponse } from '../responses.ts'
import type { WebhookCall } from '../webhook-call.ts'
import type { BackendHealth } from './backend-health.ts'
import { InFlight } from './in-flight.ts'
import { laneOf } from './lane.ts'
import type {
  Arrival,
  Attempt,
  Forwarder,
  QueuedBecause,
  RelayedRequest,
  RelayQueue,
} from './relayed-request.ts'

/** What the response needs to travel. */
const TRAVEL_MS = 150
/** With less time, nothing is asked. */
const MIN_TIMEOUT_MS = 20

type Fallback = 'allow' | 'deny'
type Fields = Readonly<Record<string, unknown>>

/** What the backend answered, to be passed on untouched. */
export type Answered = Extract<Attempt, { readonly kind: 'answered' }>

interface RelayOptions {
  readonly fallback: Fallback
  readonly overrides: Readonly<Record<string, Fallback>>
  /** Whether the backend gets recalls. */
  readonly recalls: boolean
}

interface RelayDependencies {
  readonly forwarder: Forwarder
  readonly health: BackendHealth
  readonly queue: Pick<RelayQueue, 'arrive' | 'add'>
  readonly quarantine: Pick<Quarantine, 'addRelay'>
  readonly metrics: Pick<Metrics, 'relayed'>
  readonly log: Logger
}

/** A webhook that goes to the backend too. */
export interface RelayedCall extends WebhookCall {
  readonly relayed: NonNullable<WebhookCall['relayed']>
}

export interface Relay {
  /** Resolves to the response. Rejects with NOT_KEPT if the backend did not answer, and the request cannot be queued. */
  relay(call: RelayedCall, command: string, fields: Fields): Promise<Answered | WebhookResponse>
  /** Queues a recall for the backend once it is stored, in the order of arrival. Never rejects. */
  relayRecall(call: RelayedCall, command: string, fields: Fields, stored: Promise<unknown>): Promise<void>
  /** Queues a request again that was given up. Rejects with NOT_KEPT: it is in the quarantine then, as before. */
  again(call: RelayedCall, command: string, fields: Fields): Promise<void>
}

/** Passes webhooks on to the app's backend, and answers in its place while it fails. */
export function createRelay(
  { fallback, overrides, recalls }: RelayOptions,
  { forwarder, health, queue, quarantine, metrics, log }: RelayDependencies,
): Relay {
  const inFlight = new InFlight()
  /** What is being written to the quarantine, whose disk may hang. */
  const settingAside = new InFlight()

  /** Undefined: not tried, as it would not have had an answer in time. */
  async function attempt(request: RelayedRequest, call: WebhookCall): Promise<Attempt | undefined> {
    const timeoutMs = msUntilTravel(call)
    if (timeoutMs < MIN_TIMEOUT_MS) return undefined
    const bytes = request.body.length
    if (!inFlight.hasRoom(bytes) || !health.admits(request.command)) return undefined
    inFlight.enter(bytes)
    try {
      return await forwarder.forward(request, { timeoutMs, attempt: 1 })
    } finally {
      inFlight.leave(bytes)
    }
  }

  async function ask(
    request: RelayedRequest,
    call: WebhookCall,
    fields: Fields,
  ): Promise<Answered | WebhookResponse> {
    const { command } = request
    const outcome = await attempt(request, call)
    if (outcome?.kind === 'answered') return answered(command, outcome)
    const policy = overrides[command] ?? fallback
    metrics.relayed(labelOf(command), policy === 'allow' ? 'allowed' : 'denied')
    log.debug({ command, policy, reason: outcome?.reason }, 'the backend does not answer, its fallback does')
    return policy === 'allow' ? noOpinion(command, fields) : denial(command, fields)
  }

  async function tell(
    request: RelayedRequest,
    call: WebhookCall,
    fields: Fields,
  ): Promise<Answered | WebhookResponse> {
    const { command, lane } = request
    const arrival = queue.arrive(lane)
    const outcome = arrival.mustQueue ? undefined : await attempt(request, call)
    if (outcome?.kind === 'answered') {
      arrival.leave()
      return answered(command, outcome)
    }
    const why = outcome !== undefined ? 'failed' : arrival.mustQueue ? 'behind' : 'untried'
    await enqueue(request, why, arrival, call)
    return noOpinion(command, fields)
  }

  function answered(command: string, outcome: Answered): Answered {
    metrics.relayed(labelOf(command), 'answered')
    return outcome
  }

  /** Rejects with NOT_KEPT. The quarantine has the request then, unless that fails too. */
  async function enqueue(
    request: RelayedRequest,
    why: QueuedBecause,
    arrival: Arrival,
    call: WebhookCall,
  ): Promise<void> {
    await putInQueue(request, why, arrival, call).catch((err: unknown) => {
      refused(request, err)
      throw err instanceof GatewayError ? err : new GatewayError('NOT_KEPT', undefined, { cause: err })
    })
  }

  /** Rejects with NOT_KEPT if the request is not in the queue; with another error if it may be there yet. */
  async function putInQueue(
    request: RelayedRequest,
    why: QueuedBecause,
    arrival: Arrival,
    call: WebhookCall,
  ): Promise<void> {
    // A disk may hang: the provider has to be told in time.
    await within(msUntilTravel(call), queue.add(request, why, arrival))
    metrics.relayed(labelOf(request.command), 'queued')
  }

  function refused(request: RelayedRequest, err: unknown): void {
    const { command } = request
    metrics.relayed(labelOf(command), 'refused')
    log.error({ err, command }, 'a webhook for the backend cannot be queued, quarantined')
    void setAside(request, `not queued for the backend: ${reasonOf(err)}`)
  }

  /** Gives a recall to the backend past the queue, whose disk fails: the provider gets its OK, and no other attempt is made. */
  async function tellAtOnce(request: RelayedRequest, call: WebhookCall, err: unknown): Promise<void> {
    const mayBeQueued = !(err instanceof GatewayError)
    const outcome = mayBeQueued ? undefined : await attempt(request, call)
    if (outcome?.kind === 'answered') answered(request.command, outcome)
    else refused(request, err)
  }

  /** Never rejects. */
  async function setAside(request: RelayedRequest, reason: string): Promise<void> {
    const bytes = request.body.length
    if (!settingAside.hasRoom(bytes))
      return log.error({ reason }, 'cannot write to the quarantine: too much waits for its disk')
    settingAside.enter(bytes)
    try {
      await quarantine.addRelay(request, reason)
    } catch (err) {
      log.error({ err }, 'cannot write to the quarantine')
    } finally {
      settingAside.leave(bytes)
    }
  }

  return {
    async relay(call, command, fields) {
      const request = toRequest(call, command, fields)
      return isBeforeCommand(command) ? ask(request, call, fields) : tell(request, call, fields)
    },

    async relayRecall(call, command, fields, stored) {
      if (!recalls || call.isReplay) return
      const request = toRequest(call, command, fields)
      const arrival = queue.arrive(request.lane, true)
      const isStored = await stored.then(
        () => true,
        // What makes no sense to the gateway may do so to the backend. Of what could not be kept, the provider makes another attempt.
        (error: unknown) => !(error instanceof GatewayError && error.code === 'NOT_KEPT'),
      )
      if (!isStored) return arrival.leave()
      // In the background: a recall does not wait for the backend.
      await putInQueue(request, 'untried', arrival, call).catch((err: unknown) => {
        void tellAtOnce(request, call, err)
      })
    },

    // The backend may have got it before.
    again: (call, command, fields) => queue.add(toRequest(call, command, fields), 'failed'),
  }
}

function toRequest(call: RelayedCall, command: string, fields: Fields): RelayedRequest {
  const { relayed, contentType, body, receivedAtMs } = call
  return {
    id: randomUUID(),
    command,
    lane: laneOf(command, fields),
    ...relayed,
    contentType,
    body,
    receivedAtMs,
  }
}

/** By `performance.now()`: the clock may be set while the provider waits. */
const msUntilTravel = ({ startedMs }: WebhookCall): number =>
  startedMs + PROVIDER_TIMEOUT_MS - TRAVEL_MS - performance.now()

/** Waits for at least a moment, also if the time is over: what is asked of a disk mostly takes no longer. */
const MIN_WAIT_MS = 200

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the disk is slow')), Math.max(timeoutMs, MIN_WAIT_MS))
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
