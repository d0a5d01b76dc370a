/** Enough for a console that resumes as many rooms as a socket may be in. */
const AT_ONCE = 1_000
const PER_SECOND = 100

/** How many requests a socket may make: many at once, and then so many a second. */
export class Allowance {
  #left = AT_ONCE
  #countedAtMs = performance.now()

  /** Whether one more is allowed, which counts. */
  take(): boolean {
    const nowMs = performance.now()
    this.#left = Math.min(AT_ONCE, this.#left + ((nowMs - this.#countedAtMs) / 1_000) * PER_SECOND)
    this.#countedAtMs = nowMs
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
