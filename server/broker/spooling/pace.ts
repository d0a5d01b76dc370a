/** Nodes hear again a moment later than this process publishes: they wait longer between attempts, or were deaf first. */
const NODES_HEAR_WITHIN_MS = 5_000

/**
 * Says how fast the spool may be published after an outage. A log holds so many notices: what is published before the nodes
 * hear again, and pushed out of the log by what follows, they could only tell their sockets as a gap. Times are those of
 * `performance.now()`.
 */
export class Pace {
  readonly #atFirst: number
  #sinceMs: number | undefined
  #published = 0

  /** `atFirst`: most recalls until all nodes hear again. */
  constructor(atFirst: number) {
    this.#atFirst = atFirst
  }

  /** Takes down that so many recalls were confirmed. */
  confirmed(recalls: number, nowMs: number): void {
    this.#sinceMs ??= nowMs
    this.#published += recalls
  }

  /** Takes down that the broker is away: what was said of the nodes is no longer true. */
  failed(): void {
    this.#sinceMs = undefined
    this.#published = 0
  }

  /** How many recalls may be published now. */
  allowed(nowMs: number): number {
    return this.waitMs(nowMs) === 0 ? Infinity : this.#atFirst - this.#published
  }

  /** How long until any number is allowed. */
  waitMs(nowMs: number): number {
    return Math.max(0, (this.#sinceMs ?? nowMs) + NODES_HEAR_WITHIN_MS - nowMs)
  }
}
