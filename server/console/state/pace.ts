/** Lets so many requests begin within a window, and keeps the others waiting for their turn. */
export class Pace {
  readonly #count: number
  readonly #windowMs: number
  /** When the latest began, the oldest first; also in the future, for those that wait. */
  #begins: number[] = []

  constructor(count: number, windowMs: number) {
    this.#count = count
    this.#windowMs = windowMs
  }

  /** Returns how long the next request has to wait, and takes its turn. */
  next(nowMs = Date.now()): number {
    const before = this.#begins.at(-this.#count)
    const beginMs = before === undefined ? nowMs : Math.max(nowMs, before + this.#windowMs)
    this.#begins = [...this.#begins.slice(1 - this.#count), beginMs]
    return beginMs - nowMs
  }
}
