/** How many sequence numbers the gateway accepts per request. */
export const MAX_SEQS = 1_000

/** Parses a list such as `1, 2, 3`; each number is returned once. Returns undefined for anything else. */
export function parseSeqs(text: string): readonly number[] | undefined {
  const parts = text.split(/[\s,，、]+/u).filter((part) => part !== '')
  const seqs = [...new Set(parts.map(Number))]
  const areValid = seqs.every((seq) => Number.isSafeInteger(seq) && seq > 0)
  return areValid && seqs.length > 0 && seqs.length <= MAX_SEQS ? seqs : undefined
}

/** Formats ascending numbers as ranges: `1000–1002`, `1005`. */
export function formatRanges(seqs: readonly number[]): string[] {
  const ranges: string[] = []
  for (let i = 0; i < seqs.length;) {
    const first = seqs[i] ?? 0
    let last = first
    for (i++; seqs[i] === last + 1; i++) last++
    ranges.push(first === last ? `${first}` : `${first}–${last}`)
  }
  return ranges
}
