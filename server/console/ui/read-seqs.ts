const SEQS_AT_MOST = 1_000

/** The numbers of `1, 2, 3`, each once; undefined when it is anything else. */
export function readSeqs(text: string): readonly number[] | undefined {
  const parts = text.split(/[\s,，、]+/u).filter((part) => part !== '')
  const seqs = [...new Set(parts.map(Number))]
  const areFine = seqs.every((seq) => Number.isSafeInteger(seq) && seq > 0)
  return areFine && seqs.length > 0 && seqs.length <= SEQS_AT_MOST ? seqs : undefined
}
