import type { State } from '../../../shared/client.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GatewayClock } from './gateway-clock.ts'

/** A time in which recalls may not have arrived: delivery was in doubt, or the page was not connected. */
export interface Interruption {
  readonly kind: 'stale' | 'offline' | 'refused'
  /** By the gateway's clock. */
  readonly fromMs: number
  /** Undefined while it lasts. */
  readonly untilMs: number | undefined
  /** Why, for people. */
  readonly reason: string | undefined
  readonly code: string | undefined
  /** Notices that the node sent afterwards, because the page was not connected. */
  readonly recovered: number
  /** Notices that arrived clearly late because of it. */
  readonly late: number
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** Notices that take longer from the gateway to the page are late, if there was an interruption meanwhile. */
const LATE_MS = 3_000
/** Without an interruption that explains it, the clocks of two gateways may differ too. */
const UNEXPLAINED_LATE_MS = 15_000

/** The interruptions of one room, the last of which may still be going on. */
export class Interruptions {
  readonly #clock: GatewayClock
  #latest: Mutable<Interruption> | undefined
  #wasLive = false

  constructor(clock: GatewayClock) {
    this.#clock = clock
  }

  get latest(): Interruption | undefined {
    return this.#latest
  }

  /** Takes the room's state, and returns the interruption that begins with it, if any. */
  onState({ kind, since, reason, code }: Omit<State, 'previous'>): Interruption | undefined {
    const ongoing = this.#latest?.untilMs === undefined ? this.#latest : undefined
    if (kind === 'live') {
      this.#wasLive = true
      if (ongoing !== undefined) ongoing.untilMs = this.#clock.fromViewer(Date.now())
      return undefined
    }
    if (kind !== 'stale' && kind !== 'offline' && kind !== 'refused') return undefined
    // Before it was ever live, a page that is not connected has nothing that could be incomplete.
    if (kind !== 'stale' && !this.#wasLive && this.#latest === undefined) return undefined
    if (ongoing?.kind === kind) {
      // What keeps delivery in doubt changes; why the page is not connected is what ended the connection.
      if (kind === 'stale') ongoing.reason = reason ?? ongoing.reason
      ongoing.reason ??= reason
      ongoing.code ??= code
      return undefined
    }
    const fromMs = this.#clock.fromViewer(since)
    if (ongoing !== undefined) ongoing.untilMs = Math.max(ongoing.fromMs, fromMs)
    this.#latest = { kind, fromMs, untilMs: undefined, reason, code, recovered: 0, late: 0 }
    return this.#latest
  }

  /** Counts notices that are about to be delivered late. Returns false if no interruption explains them. */
  addRecovered(count: number): boolean {
    if (this.#latest === undefined) return false
    this.#latest.recovered += count
    return true
  }

  /**
   * Returns by how many ms a notice that arrives now is late, and counts it; undefined if it is not. Compares two times of
   * the gateway's clock. Members do not learn when the gateway received a recall; the provider's time takes its place.
   */
  lateness(notice: Notice | MemberNotice): number | undefined {
    const nowMs = this.#clock.now()
    const isTimed = 'receivedAtMs' in notice
    if (nowMs === undefined || (!isTimed && 'untimed' in notice)) return undefined
    const atMs = isTimed ? notice.receivedAtMs : notice.recalledAtMs
    const isExplained =
      this.#latest !== undefined && (this.#latest.untilMs === undefined || atMs <= this.#latest.untilMs)
    // The provider's webhook may have come late by itself.
    const limitMs = isExplained ? LATE_MS : isTimed ? UNEXPLAINED_LATE_MS : Infinity
    if (nowMs - atMs <= limitMs) return undefined
    if (isExplained && this.#latest !== undefined) this.#latest.late++
    return nowMs - atMs
  }
}
