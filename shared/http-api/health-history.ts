import type { ProcessState } from '../http-api.ts'

/** How often a process takes a sample of itself. */
export const HISTORY_INTERVAL_MS = 10_000
/** For how long they are kept. */
export const HISTORY_MS = 3_600_000

/** The figures of a process over the last interval. Null for what it does not have, or nothing was known of. */
export interface HealthSample {
  /** By the clock of the process, in ms since 1970. */
  readonly atMs: number
  readonly recallsPerSecond: number | null
  readonly deliveriesPerSecond: number | null
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly sockets: number
  readonly spooled: number
  readonly probeAgeMs: number
  /** Of the time, from 0 to 1, in which the event loop was busy. */
  readonly busy: number
  /** Resident memory, in MiB. */
  readonly memoryMb: number
}

export const HEALTH_MARKS = ['start', 'stop', 'spool', 'spool-end', 'doubt', 'doubt-end', 'gap'] as const

/** What happened to a process. Without `stop` before `start`, it was killed, or its machine was lost. */
export interface HealthMark {
  readonly atMs: number
  /**
   * `spool`: recalls begin to wait on its disk, until `spool-end`. `doubt`: it cannot prove delivery, until `doubt-end`. `gap`: within the ten
   * seconds before, its sockets were told in at least one room that they may have missed recalls.
   */
  readonly what: (typeof HEALTH_MARKS)[number]
}

export interface ProcessHistory {
  readonly id: string
  readonly host: string
  readonly role: ProcessState['role']
  /** Oldest first. */
  readonly samples: readonly HealthSample[]
  readonly marks: readonly HealthMark[]
}

/** `GET /v1/health-history`. */
export interface HealthHistoryResponse {
  readonly ok: true
  readonly processes: readonly ProcessHistory[]
  /** Why the history of other processes could not be read: only the one that responded is there. */
  readonly incomplete?: string
}
