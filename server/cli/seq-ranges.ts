import { InvalidArgumentError } from 'commander'

/** From the first to the last seq, both included. */
export interface SeqRange {
  readonly first: number
  readonly last: number
}

/** More would be a mistake: a group has 40 messages a second at most. */
const MAX_SEQS = 100_000

/** Parses `130,1000-1400`. */
export function parseSeqRanges(text: string): SeqRange[] {
  const ranges = text.split(',').map((part): SeqRange => {
    const [, first, last = first] = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(part.trim()) ?? []
    return { first: Number(first), last: Number(last) }
  })
  if (!ranges.every(({ first, last }) => first >= 1 && first <= last && Number.isSafeInteger(last)))
    throw new InvalidArgumentError('Use whole numbers and ranges, such as 130,1000-1400.')
  if (countSeqs(ranges) > MAX_SEQS) throw new InvalidArgumentError(`Use at most ${MAX_SEQS} numbers.`)
  return ranges
}

export const countSeqs = (ranges: readonly SeqRange[]): number =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)

/** Splits ranges into lists of at most so many numbers. */
export function splitRanges(ranges: readonly SeqRange[], max: number): SeqRange[][] {
  const lists: SeqRange[][] = [[]]
  let room = max
  for (const { first, last } of ranges)
    for (let from = first; from <= last;) {
      if (room === 0) {
        lists.push([])
        room = max
      }
      const to = Math.min(last, from + room - 1)
      lists.at(-1)?.push({ first: from, last: to })
      room -= to - from + 1
      from = to + 1
    }
  return lists
}

export const textOfRanges = (ranges: readonly SeqRange[]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
