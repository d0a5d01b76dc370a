/** Numbers as people write them: `1000–1002, 1005`. They must rise. */
export function inRanges(seqs: readonly number[]): string[] {
  const ranges: string[] = []
  for (let i = 0; i < seqs.length;) {
    const first = seqs[i] ?? 0
    let last = first
    for (i++; seqs[i] === last + 1; i++) last++
    ranges.push(first === last ? `${first}` : `${first}–${last}`)
  }
  return ranges
}
