import { isRecord } from './json.ts'

/** A place in the log of a room. Offsets count 1, 2, 3 …; 0 is before the first notice. */
export interface Position {
  /** Identifies one numbering of the log. A log that was lost and started over has another epoch. */
  readonly epoch: string
  /** The last notice before it. */
  readonly offset: number
}

/** The limit of the protocol for an epoch, in UTF-16 code units. */
export const MAX_EPOCH_LENGTH = 64

/** Whether a value is a position that a node accepts. */
export function isPosition(value: unknown): value is Position {
  if (!isRecord(value)) return false
  const { epoch, offset } = value
  return (
    typeof epoch === 'string' &&
    epoch !== '' &&
    epoch.length <= MAX_EPOCH_LENGTH &&
    typeof offset === 'number' &&
    Number.isSafeInteger(offset) &&
    offset >= 0
  )
}

/** The position alone, of an object that may have more. */
export const plain = ({ epoch, offset }: Position): Position => ({ epoch, offset })

/** Whether both are the same place in the same log. */
export const isSamePosition = (one: Position | undefined, other: Position | undefined): boolean =>
  one?.epoch === other?.epoch && one?.offset === other?.offset

/** Returns how many entries of a log lie between a position and a later one; undefined if they are not of the same log. */
export const entriesBetween = (position: Position, later: Position): number | undefined =>
  position.epoch === later.epoch ? Math.max(0, later.offset - position.offset) : undefined

/** Why missed notices are no longer available. */
export type GapReason =
  /** The log was lost and started over, or the position belongs to another log. */
  | 'epoch-changed'
  /** The log no longer reaches back far enough. */
  | 'trimmed'
  /** More than 1,000 notices were missed. */
  | 'too-many'
  /** The log contains an entry that no gateway wrote. */
  | 'unreadable'
  /** The stored position of the client cannot be read. Only the client says this, never a node. */
  | 'position-unreadable'

interface HasOffset {
  readonly offset: number
}

/** The run of entries that follows a position without a hole, and whether there are entries beyond the first hole. */
export interface Merged<Entry> {
  readonly run: readonly Entry[]
  readonly hole: boolean
}

/**
 * Merges runs of one log, in any order and with any overlap, into the entries that follow offset `after`: in order, each
 * once. Stops at the first hole.
 */
export function mergeInOrder<Entry extends HasOffset>(
  after: number,
  ...lists: readonly (readonly Entry[])[]
): Merged<Entry> {
  const byOffset = new Map<number, Entry>()
  for (const list of lists) {
    for (const entry of list) if (entry.offset > after) byOffset.set(entry.offset, entry)
  }
  const run: Entry[] = []
  for (let offset = after + 1; ; offset++) {
    const entry = byOffset.get(offset)
    if (entry === undefined) return { run, hole: byOffset.size > run.length }
    run.push(entry)
  }
}
