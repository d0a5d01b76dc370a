import type { Broker } from '../broker/broker.ts'
import type { Config } from '../config/settings.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { OriginCheck } from '../http/origins.ts'
import type { MemoryBudget } from '../lib/memory-budget.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { ReadHeartbeats } from '../telemetry/heartbeat-reader.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import type { Tracing } from '../telemetry/tracing/tracing.ts'
import type { Lifecycle } from './lifecycle.ts'

/** Dependencies of most parts. */
export interface Base {
  readonly config: Config
  readonly lifecycle: Lifecycle
  readonly broker: Broker
  /** Those of all processes, for all parts that want to know. */
  readonly readHeartbeats: ReadHeartbeats
  readonly memory: MemoryBudget
  /** In which requests of users are served, so that webhooks do not wait for them. */
  readonly turns: RequestTurns
  readonly addressOf: ClientAddress
  readonly isAllowedOrigin: OriginCheck
  readonly metrics: MetricsRegistry
  readonly refusals: Refusals
  readonly tracing: Tracing
  readonly log: Logger
}
