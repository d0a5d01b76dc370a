/** How many sequence numbers the gateway accepts per request. */
const MAX_SEQS = 1_000

/** Parses a list such as `1, 2, 3`; each number is returned once. Returns undefined for anything else. */
export function parseSeqs(text: string): readonly number[] | undefined {
  const parts = text.split(/[\s,，、]+/u).filter((part) => part !== '')
  const seqs = [...new Set(parts.map(Number))]
  const areValid = seqs.every((seq) => Number.isSafeInteger(seq) && seq > 0)
  return areValid && seqs.length > 0 && seqs.length <= MAX_SEQS ? seqs : undefined
}
