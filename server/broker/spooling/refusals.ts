import { RefusalCount } from './refusal-count.ts'

/** So many recalls are tried apart. If the broker refuses more, it is rather as good as unavailable. */
const MAX_REFUSED = 10_000

/** Recalls that the broker refuses in particular, each by its batch and its index there. Times are those of `performance.now()`. */
export class Refusals {
  readonly #batches = new Map<number, Map<number, RefusalCount>>()
  readonly #max: number
  #size = 0

  constructor(max = MAX_REFUSED) {
    this.#max = max
  }

  /** Returns whether refusals of this recall can be recorded. Those of one that is here always can: otherwise none would ever leave. */
  takes(batch: number, index: number): boolean {
    return this.#size < this.#max || this.#batches.get(batch)?.has(index) === true
  }

  /** Records a refusal, given how many recalls the broker has stored until now. Returns whether to give the recall up. */
  refused(batch: number, index: number, stored: number, nowMs: number): boolean {
    const ofBatch = this.#batches.get(batch) ?? new Map<number, RefusalCount>()
    this.#batches.set(batch, ofBatch)
    let one = ofBatch.get(index)
    if (one === undefined) {
      one = new RefusalCount(stored, nowMs)
      ofBatch.set(index, one)
      this.#size++
    }
    return one.refused(stored, nowMs)
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
