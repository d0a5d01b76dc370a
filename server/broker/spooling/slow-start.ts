/** Nodes may reconnect later than this process: their retry delays are longer, or they first have to notice the outage. */
const NODE_RECOVERY_MS = 5_000

/**
 * Limits how fast the backlog of an outage is published. A log is bounded: notices that are published before the nodes have
 * reconnected, and then evicted by later ones, reach their sockets only as a gap. Until then at most `initialWindow` recalls
 * of the backlog are published. Recalls that arrive once the broker is back do not count: without a backlog they would be
 * published immediately too. Times are those of `performance.now()`; keys are those of the spool, in order of arrival.
 */
export class SlowStart {
  readonly #initialWindow: number
  /** The key of the last recall of the backlog: Infinity until the broker is back, 0 without an outage. */
  #backlogEnd = 0
  #sinceMs: number | undefined
  #published = 0

  constructor(initialWindow: number) {
    this.#initialWindow = initialWindow
  }

  /** Records that the broker is unavailable, and starts over: the nodes may have lost it too. */
  failed(): void {
    this.#backlogEnd = Infinity
    this.#sinceMs = undefined
    this.#published = 0
  }

  /** Records that the recalls with these keys were confirmed; `newestKey` is that of the latest recall in the spool. */
  confirmed(keys: readonly number[], newestKey: number, nowMs: number): void {
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs
      this.#backlogEnd = Math.min(this.#backlogEnd, newestKey)
    }
    this.#published += keys.filter((key) => key <= this.#backlogEnd).length
  }

  /** Returns how many recalls may be published now, from the one with this key on. */
  allowed(nextKey: number, nowMs: number): number {
    if (nextKey > this.#backlogEnd || this.waitMs(nowMs) === 0) return Infinity
    return this.#initialWindow - this.#published
  }

  /** Returns how long until the number is unlimited, in ms. */
  waitMs(nowMs: number): number {
    return Math.max(0, (this.#sinceMs ?? nowMs) + NODE_RECOVERY_MS - nowMs)
  }
}
