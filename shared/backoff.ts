const FIRST_MS = 1_000
const AT_MOST_MS = 30_000

/** How long to wait before the next try: any time up to a bound that doubles, so that clients do not come back together. */
export class Backoff {
  #failures = 0

  nextMs(): number {
    const boundMs = Math.min(AT_MOST_MS, FIRST_MS * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 16)
    return Math.random() * boundMs
  }

  succeeded(): void {
    this.#failures = 0
  }
}
