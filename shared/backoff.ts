interface Bounds {
  /** Bound of the delay for attempt 0. It doubles with each attempt. */
  readonly baseMs: number
  readonly maxMs: number
}

/**
 * Exponential backoff with full jitter: a random delay below `baseMs * 2 ** attempt`, and below `maxMs`. The jitter keeps
 * clients that failed at the same moment from retrying at the same moment.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
 */
export const fullJitterMs = (attempt: number, { baseMs, maxMs }: Bounds): number =>
  Math.random() * Math.min(maxMs, baseMs * 2 ** attempt)

/** However long something fails, delays may be as long as this, in ms. */
const MIN_BOUND_MS = 2_000

/**
 * Counts consecutive failures of one thing that a client retries. Delays are below 1 s at first, and below 30 s later; but none is
 * longer than the failures have lasted, so that what was away for some seconds is back some seconds later.
 */
export class Backoff {
  #failures = 0
  #sinceMs = 0

  /** In a row. */
  get failures(): number {
    return this.#failures
  }

  /** Counts a failure. Returns how long to wait before the next attempt, in whole ms. */
  nextMs(): number {
    const nowMs = performance.now()
    if (this.#failures === 0) this.#sinceMs = nowMs
    const maxMs = Math.min(30_000, Math.max(MIN_BOUND_MS, nowMs - this.#sinceMs))
    return Math.floor(fullJitterMs(this.#failures++, { baseMs: 1_000, maxMs }))
  }

  succeeded(): void {
    this.#failures = 0
  }
}
