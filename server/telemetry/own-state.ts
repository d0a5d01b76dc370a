import { randomUUID } from 'node:crypto'
import type { ProcessState } from '../../shared/http-api.ts'
import type { HeartbeatState } from './heartbeat-state.ts'
import type { Gauges } from './gauges.ts'
import type { RecentMetrics } from './metrics.ts'

interface OwnStateSources {
  readonly role: ProcessState['role']
  /** At most 64 characters, like `version`. */
  readonly host: string
  readonly version: string
  /** Undefined for a process that stores nothing on disk. */
  readonly dataFolder: string | undefined
  /** False once the process is stopping. */
  readonly isAccepting: () => boolean
  readonly isReady: () => boolean
  /** Why it is not. */
  readonly reasons: () => readonly string[]
  readonly warnings: () => readonly string[]
  readonly gauges: Gauges
  readonly metrics: RecentMetrics
}

/** What this process knows of itself, without asking anyone. */
export interface OwnState {
  /** Chosen at random. */
  readonly id: string
  read(): HeartbeatState
}

export function createOwnState({
  role,
  host,
  version,
  dataFolder,
  isAccepting,
  gauges,
  metrics,
  ...sources
}: OwnStateSources): OwnState {
  const startedAtMs = Date.now()
  return {
    id: randomUUID(),
    read() {
      const spool = gauges.spoolDepth()
      const quarantined = gauges.quarantined()
      const relay = gauges.relay()
      const delivery = gauges.delivery()
      const unreadable = metrics.unreadable()
      return {
        role,
        host,
        version,
        startedAtMs,
        ready: sources.isReady(),
        ...(!isAccepting() && { draining: true }),
        ...(dataFolder !== undefined && { dataFolder }),
        sockets: gauges.sockets(),
        rooms: gauges.rooms(),
        probeAgeMs: gauges.probeAgeMs(),
        memory: gauges.memory(),
        ...(delivery && { delivery }),
        ...(unreadable && { unreadable }),
        ...(role !== 'node' && { webhooks: metrics.webhooks() }),
        reasons: sources.reasons(),
        warnings: sources.warnings(),
        powerCut: gauges.powerCut(),
        ...(spool && { spool }),
        ...(quarantined !== undefined && { quarantined }),
        ...(relay && { relay }),
        counts: metrics.counts(),
        latencyMs: metrics.latencyMs(),
      }
    },
  }
}
