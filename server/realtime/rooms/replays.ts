import type { Notice } from '../../../shared/notice.ts'
import type { Room } from '../../../shared/room.ts'
import { toOutgoing } from './hub.ts'
import type { Face, OutgoingNotices } from './hub.ts'

/** Mostly 40 KB each, at most 300 KB: the rooms of a node that is lost come in any order. */
const KEPT_AT_MOST = 64

interface Kept {
  readonly face: Face
  readonly notices: readonly Notice[]
  readonly outgoing: OutgoingNotices
}

/** What sockets missed, encoded once for those who missed the same: many do, after a node was lost. */
export class Replays {
  #kept: Kept[] = []

  /** `notices` is a run of the log of the room, not empty. */
  outgoing(face: Face, room: Room, epoch: string, notices: readonly Notice[]): OutgoingNotices {
    const known = this.#kept.find((kept) => kept.face === face && isSameRun(kept.notices, notices))
    if (known !== undefined) return known.outgoing
    const outgoing = toOutgoing(face, room, epoch, notices)
    this.#kept = [{ face, notices, outgoing }, ...this.#kept.slice(0, KEPT_AT_MOST - 1)]
    return outgoing
  }
}

/** The very same notices, and not only such as look alike: those of a run follow each other, and belong to one room. */
const isSameRun = (one: readonly Notice[], other: readonly Notice[]): boolean =>
  one.length === other.length && one[0] === other[0] && one.at(-1) === other.at(-1)
