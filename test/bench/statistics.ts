/** The middle one; of an even number, the mean of both. NaN without any. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper
}

/** How much wider each bucket is than the one before: what a quantile may be off. */
const GROWTH = 1.02
const PER_STEP = 1 / Math.log(GROWTH)

/** Counts durations in buckets, so that millions take no memory and can be added up over processes. */
export class Histogram {
  /** By bucket; a bucket that was never met may be missing. */
  readonly counts: number[]

  constructor(counts: readonly number[] = []) {
    this.counts = [...counts]
  }

  record(us: number): void {
    const bucket = us <= 1 ? 0 : Math.ceil(Math.log(us) * PER_STEP)
    while (this.counts.length <= bucket) this.counts.push(0)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
  }

  /** The duration that the part `q` of all does not exceed, in µs. NaN without any. */
  quantileUs(q: number): number {
    const all = this.counts.reduce((sum, count) => sum + count, 0)
    let seen = 0
    for (const [bucket, count] of this.counts.entries()) {
      seen += count
      if (count > 0 && seen >= q * all) return GROWTH ** bucket
    }
    return NaN
  }
}

/** All that was counted in several. */
export function addUp(histograms: readonly (readonly number[])[]): Histogram {
  const longest = Math.max(0, ...histograms.map(({ length }) => length))
  return new Histogram(
    Array.from({ length: longest }, (_, bucket) =>
      histograms.reduce((sum, counts) => sum + (counts[bucket] ?? 0), 0),
    ),
  )
}
