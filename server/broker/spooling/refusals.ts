import { fullJitterMs } from '../../../shared/backoff.ts'

/** Refusals after which a recall is given up, if the broker stored another recall before each of them. */
const MAX_REFUSALS = 5
const FIRST_DELAY_MS = 100
/** Soon, because most failures are those of a broker that can store nothing, and is back at any time. */
const MAX_DELAY_MS = 2_000

interface Refused {
  /** Refusals that count. */
  refusals: number
  /** Refusals in all, for the delay. */
  failures: number
  nextTryMs: number
  /** How many recalls the broker had stored at the last one. */
  storedBefore: number
}

/**
 * Recalls that the broker refuses in particular, for example because of what somebody wrote to their keys, each by its batch and
 * its index there. A refusal counts only if the broker has stored another recall since the one before: it may be unable to store
 * any, and a repeat proves nothing. Times are those of `performance.now()`.
 */
export class Refusals {
  readonly #batches = new Map<number, Map<number, Refused>>()
  #size = 0

  /** Returns how many recalls are refused. */
  get size(): number {
    return this.#size
  }

  /** Records a refusal, given how many recalls the broker has stored until now. Returns whether to give the recall up. */
  refused(batch: number, index: number, stored: number, nowMs: number): boolean {
    const ofBatch = this.#batches.get(batch) ?? new Map<number, Refused>()
    this.#batches.set(batch, ofBatch)
    let one = ofBatch.get(index)
    if (one === undefined) {
      one = { refusals: 0, failures: 0, nextTryMs: nowMs, storedBefore: stored }
      ofBatch.set(index, one)
      this.#size++
    }
    if (stored > one.storedBefore) one.refusals++
    one.storedBefore = stored
    one.failures++
    one.nextTryMs = nowMs + fullJitterMs(one.failures, { baseMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS })
    return one.refusals >= MAX_REFUSALS
  }

  /** Removes a recall that was stored or given up. */
  remove(batch: number, index: number): void {
    const ofBatch = this.#batches.get(batch)
    if (ofBatch?.delete(index) !== true) return
    this.#size--
    if (ofBatch.size === 0) this.#batches.delete(batch)
  }

  has = (batch: number): boolean => this.#batches.has(batch)

  isDue = (batch: number, index: number, nowMs: number): boolean =>
    (this.#batches.get(batch)?.get(index)?.nextTryMs ?? nowMs) <= nowMs

  /** Returns how long until the next try of a recall in one of these batches, in ms; 0 if one was not refused at all. */
  waitMs(batches: readonly number[], nowMs: number): number {
    const next = batches.map((batch) => {
      const ofBatch = this.#batches.get(batch)
      return ofBatch === undefined
        ? nowMs
        : Math.min(...Array.from(ofBatch.values(), ({ nextTryMs }) => nextTryMs))
    })
    return Math.max(0, Math.min(...next) - nowMs)
  }

  clear(): void {
    this.#batches.clear()
    this.#size = 0
  }
}
