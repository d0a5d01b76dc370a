const KEY = Buffer.from('"seq":')
const DIGIT_0 = 48
const DIGIT_9 = 57

/** Seqs from here on are filler: they only make a recall larger. */
export const FIRST_FILLER_SEQ = 1_000_000_000

/** Returns the seqs in a payload, in order and without fillers. */
export function seqsIn(payload: Buffer): number[] {
  const seqs: number[] = []
  for (let at = payload.indexOf(KEY); at !== -1; at = payload.indexOf(KEY, at)) {
    at += KEY.length
    let seq = 0
    for (let digit = payload[at]; isDigit(digit); digit = payload[++at]) seq = seq * 10 + digit - DIGIT_0
    if (seq < FIRST_FILLER_SEQ) seqs.push(seq)
  }
  return seqs
}

const isDigit = (byte: number | undefined): byte is number =>
  byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9
