import { createHash } from 'node:crypto'
import type { Notice } from '../../../shared/notice.ts'

/** What remains of a notice to recognize it by: a notice takes up to 100 kB, and a node has up to 100,000 rooms. */
export interface Witness {
  readonly offset: number
  readonly digest: string
}

/** What tells two recalls of a log apart. */
const identityOf = ({ group, topic, c2c, official, messages, recalledAtMs }: Notice): string =>
  JSON.stringify([group, topic, c2c, official, messages, recalledAtMs])

export const witnessOf = (notice: Notice): Witness => ({
  offset: notice.offset,
  digest: createHash('sha1').update(identityOf(notice)).digest('base64'),
})

/** Whether both are the same recall at the same offset. Two recalls of a log always differ. */
export const isSame = (one: Notice, other: Notice): boolean =>
  one.offset === other.offset && identityOf(one) === identityOf(other)

/** What a room knows of its log: the latest notices that it delivered, and the entry at its first position. */
export interface Evidence {
  readonly tail: readonly Notice[]
  readonly witness: Witness | undefined
}

/** What is known now, which may change while it is compared. */
export const copyOf = ({ tail, witness }: Evidence): Evidence => ({ tail: [...tail], witness })

/** Returns the offset of the first thing that the room knows of its log. */
export const firstOf = ({ tail, witness }: Evidence): number | undefined => tail[0]?.offset ?? witness?.offset

/**
 * Returns the last offset up to which the log holds what the room knows of it, given what is `stored` from the first of it on; Infinity
 * if the room knows nothing.
 */
export function agreesUntil({ tail, witness }: Evidence, stored: readonly Notice[]): number {
  const byOffset = new Map(stored.map((notice) => [notice.offset, notice]))
  const isAsKnown = (known: Notice): boolean => {
    const found = byOffset.get(known.offset)
    return found !== undefined && isSame(known, found)
  }
  const [first] = tail
  if (first !== undefined) {
    const differing = tail.find((known) => !isAsKnown(known))
    return differing === undefined ? (tail.at(-1) ?? first).offset : differing.offset - 1
  }
  if (witness === undefined) return Infinity
  const found = byOffset.get(witness.offset)
  return found !== undefined && witnessOf(found).digest === witness.digest
    ? witness.offset
    : witness.offset - 1
}

/** Whether the log holds other notices than these at their offsets. Says nothing of those that the log no longer holds. */
export function isContradicted({ tail, witness }: Evidence, stored: readonly Notice[]): boolean {
  const byOffset = new Map(stored.map((notice) => [notice.offset, notice]))
  const found = witness && byOffset.get(witness.offset)
  if (found !== undefined && witnessOf(found).digest !== witness?.digest) return true
  return tail.some((known) => {
    const other = byOffset.get(known.offset)
    return other !== undefined && !isSame(known, other)
  })
}
