import type { WebhookState } from '../../shared/http-api.ts'
import type { Config, Environment } from '../config/settings.ts'
import type { ForwardedState } from '../http/forwarded.ts'
import type { RequestTimes } from '../receiver/request-times.ts'
import type { Logger } from '../telemetry/logger.ts'
import { worstFirst } from './finding.ts'
import type { Finding } from './finding.ts'
import { judgeProxy } from './proxy.ts'
import { judgeEnvironment } from './settings.ts'
import { examineSurroundings } from './surroundings.ts'
import { judgeRequestTimes, judgeWebhooks } from './webhooks.ts'

/** What only the process itself knows. */
export interface ProcessSources {
  readonly config: Config
  /** The variables that it was started with; undefined if unknown. */
  readonly environment: Environment | undefined
  /** Undefined for a process that receives none. */
  readonly webhooks: (() => WebhookState) | undefined
  readonly requestTimes: Pick<RequestTimes, 'state'>
  readonly forwarded: () => ForwardedState
  readonly log: Logger
}

/** Each examination opens connections, and writes to the disk. */
const CACHED_FOR_MS = 15_000

/** Returns a function that examines the process and what it needs, at most every 15 s. Never rejects. */
export function createProcessDoctor(sources: ProcessSources): () => Promise<readonly Finding[]> {
  let latest: { readonly atMs: number; readonly surroundings: Promise<Finding[]> } | undefined
  const { config, environment, webhooks, requestTimes, forwarded } = sources
  // What goes wrong on the way is told in the findings.
  const log = sources.log.child({}, { level: 'silent' })
  return async () => {
    const nowMs = performance.now()
    if (latest === undefined || nowMs - latest.atMs > CACHED_FOR_MS)
      latest = {
        atMs: nowMs,
        surroundings: examineSurroundings(config, { isOurs: true, isAppKnown: true, log }),
      }
    const surroundings = await latest.surroundings
    return worstFirst([
      ...(environment === undefined ? [] : judgeEnvironment(environment)),
      ...surroundings,
      ...(webhooks === undefined
        ? []
        : [...judgeRequestTimes(requestTimes.state()), ...judgeWebhooks(webhooks())]),
      ...judgeProxy(forwarded(), config),
    ])
  }
}
