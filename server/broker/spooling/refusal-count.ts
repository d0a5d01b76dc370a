import { fullJitterMs } from '../../../shared/backoff.ts'

/** Refusals after which a recall is given up, if the broker stored another recall before each of them. */
const MAX_REFUSALS = 5
export const FIRST_RETRY_MS = 100
/** Soon, because most failures are those of a broker that can store nothing, and is back at any time. */
const MAX_RETRY_MS = 2_000

/**
 * How often the broker has refused a recall in particular, for example because of what somebody wrote to its keys, and when to try it
 * again. A refusal counts only if the broker has stored another recall since the one before: it may be unable to store any, and a
 * repeat proves nothing. Times are those of `performance.now()`.
 */
export class RefusalCount {
  #counted = 0
  /** Refusals in all, for the delay. */
  #refusals = 0
  /** How many recalls the broker had stored at the last one. */
  #storedBefore: number
  #nextTryMs: number

  /** `stored` is how many recalls the broker has stored until now. */
  constructor(stored: number, nowMs: number) {
    this.#storedBefore = stored
    this.#nextTryMs = nowMs
  }

  get nextTryMs(): number {
    return this.#nextTryMs
  }

  /** Records a refusal. Returns whether to give the recall up, which is so after `max` of them. */
  refused(stored: number, nowMs: number, max = MAX_REFUSALS): boolean {
    if (stored > this.#storedBefore) this.#counted++
    this.#storedBefore = stored
    this.#refusals++
    this.#nextTryMs = nowMs + fullJitterMs(this.#refusals, { baseMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS })
    return this.#counted >= max
  }

  /** Starts over with another recall, which is due then. */
  startOver(nextTryMs: number): void {
    this.#counted = 0
    this.#refusals = 0
    this.#nextTryMs = nextTryMs
  }
}
