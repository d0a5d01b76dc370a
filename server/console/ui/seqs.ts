const MAX_SEQS = 1_000

/** The numbers of `1, 2, 3`, each once; undefined when it is anything else. */
export function parseSeqs(text: string): readonly number[] | undefined {
  const parts = text.split(/[\s,，、]+/u).filter((part) => part !== '')
  const seqs = [...new Set(parts.map(Number))]
  const areFine = seqs.every((seq) => Number.isSafeInteger(seq) && seq > 0)
  return areFine && seqs.length > 0 && seqs.length <= MAX_SEQS ? seqs : undefined
}

/** Numbers as people write them: `1000–1002, 1005`. They must rise. */
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
