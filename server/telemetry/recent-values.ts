const VALUES_AT_MOST = 1_000
const RECENT_MS = 60_000

/** The latest values of the last minute. */
export class RecentValues {
  readonly #values: { readonly atMs: number; readonly value: number }[] = []
  #next = 0

  add(value: number): void {
    this.#values[this.#next] = { atMs: performance.now(), value }
    this.#next = (this.#next + 1) % VALUES_AT_MOST
  }

  /** The value that this share of them, from 0 to 1, does not exceed; null without any. */
  quantile(share: number): number | null {
    const since = performance.now() - RECENT_MS
    const sorted = this.#values
      .filter(({ atMs }) => atMs >= since)
      .map(({ value }) => value)
      .toSorted((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
  }
}
