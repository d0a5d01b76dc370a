const WINDOW_MS = 60_000
const MAX_VALUES = 1_000

/** The latest values of the last minute, at most 1,000. */
export class SlidingWindow {
  readonly #values: { readonly atMs: number; readonly value: number }[] = []
  #next = 0

  add(value: number): void {
    this.#values[this.#next] = { atMs: performance.now(), value }
    this.#next = (this.#next + 1) % MAX_VALUES
  }

  /** Returns the value that `share` of the values, from 0 to 1, do not exceed; null if there are none. */
  quantile(share: number): number | null {
    const since = performance.now() - WINDOW_MS
    const sorted = this.#values
      .filter(({ atMs }) => atMs >= since)
      .map(({ value }) => value)
      .toSorted((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
  }
}
