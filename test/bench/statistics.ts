/** Returns the median: the mean of the two middle values if their number is even, NaN if there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper
}

/** How much wider each bucket is than the one before. Quantiles are off by at most this factor. */
const GROWTH = 1.02
const PER_STEP = 1 / Math.log(GROWTH)

/** Counts durations in buckets, so that millions take little memory and the counts of several processes can be added. */
export class Histogram {
  /** Counts by bucket. Empty buckets at the end may be missing. */
  readonly counts: number[]

  constructor(counts: readonly number[] = []) {
    this.counts = [...counts]
  }

  record(us: number): void {
    const bucket = us <= 1 ? 0 : Math.ceil(Math.log(us) * PER_STEP)
    while (this.counts.length <= bucket) this.counts.push(0)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
  }

  /** Returns the duration that the share `q` of all durations does not exceed, in µs, or NaN if there are none. */
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

/** Returns the sum of several histograms. */
export function mergeHistograms(histograms: readonly (readonly number[])[]): Histogram {
  const longest = Math.max(0, ...histograms.map(({ length }) => length))
  return new Histogram(
    Array.from({ length: longest }, (_, bucket) =>
      histograms.reduce((sum, counts) => sum + (counts[bucket] ?? 0), 0),
    ),
  )
}
