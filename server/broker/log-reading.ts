import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { Link } from './chain.ts'

export type History =
  | {
      readonly gap?: undefined
      readonly notices: readonly Notice[]
      /** The last position of the log when it was read; beyond the last of `notices` if `limit` cut them short. */
      readonly head: Position
    }
  | {
      readonly gap: GapReason
      readonly head: Position
      /**
       * Where to go on, so that everything follows which the log still holds and which may be new to those who followed it until
       * now; without it, at `head`.
       */
      readonly resume?: Position
    }

/** Part of the log of a room, from the offset `first` to `last`; empty if `last` is less. */
export interface LogPart {
  readonly room: Room
  readonly first: number
  readonly last: number
}

export interface Excerpt {
  /** What the log holds of the part, in order; null stands for an unreadable entry. */
  readonly entries: readonly (Notice | null)[]
  /** The last position of the log when it was read. */
  readonly head: Position
}

/** An entry of a log, exactly as it is stored. */
export interface StoredEntry {
  readonly offset: number
  /** The JSON of the recall with all of its messages. */
  readonly text: string
  /** Indices of the messages that were new, separated by commas; empty if all were. */
  readonly subset: string
  /** Null for an entry that no gateway can have written here. */
  readonly notice: Notice | null
  /** Undefined for an entry of the last release. */
  readonly link: Link | undefined
}

export interface StoredEntries {
  readonly entries: readonly StoredEntry[]
  /** The last position of the log when it was read. */
  readonly head?: Position
}

export interface HistoryBefore {
  readonly notices: readonly Notice[]
  /** How many entries beside these nobody can read, such as those with a wrong signature. */
  readonly unreadable: number
  /** The offset of the first of all these. Undefined if there are none. */
  readonly firstOffset?: number | undefined
  /** The last position of the log when it was read. */
  readonly head: Position
}

/** Returns what was read backwards; `entries`: oldest first, null stands for an unreadable one. Pure. */
export function toHistoryBefore(
  entries: readonly (Notice | null)[],
  firstOffset: number | undefined,
  head: Position,
): HistoryBefore {
  const notices = entries.filter((entry) => entry !== null)
  return { notices, unreadable: entries.length - notices.length, firstOffset, head }
}
