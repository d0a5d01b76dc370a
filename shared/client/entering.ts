import { isSamePosition } from '../position.ts'
import type { GapReason, Position } from '../position.ts'
import type { Room } from '../room.ts'
import { Gap } from './gap.ts'
import type { RoomListener } from './room-listener.ts'

/** A listener, and how many notices it has missed that are still to come. */
interface Missed {
  readonly listener: RoomListener
  readonly count: number
}

export interface Entered {
  readonly missed: readonly Missed[]
  /** Whether some listener needs another request. */
  readonly asksAgain: boolean
}

/** What a node responded to a subscribe request. */
interface Entry {
  readonly room: Room
  /** `since` of the request. */
  readonly asked: Position | undefined
  /** Where the notices begin that follow: at `asked`, or at `position` without it or after a gap. */
  readonly from: Position
  /** The end of the log; after a gap, where the notices begin that follow. */
  readonly position: Position
  readonly gap: GapReason | undefined
}

/** Sees to what the response means for each listener: it begins, goes on, or owes an answer to a gap. */
export function enterListeners(
  listeners: readonly RoomListener[],
  { room, asked, from, position, gap }: Entry,
): Entered {
  const gaps: Partial<Record<GapReason, Gap>> = {}
  const owe = (listener: RoomListener, reason: GapReason): void => {
    // It may be further than the log is.
    if (reason === 'epoch-changed') listener.retire(position.epoch)
    listener.owe((gaps[reason] ??= new Gap({ room, reason, position })))
  }
  const missed: Missed[] = []
  let asksAgain = false
  for (const listener of listeners) {
    const { taken, load } = listener
    if (taken === undefined) {
      if (listener.isUnreadable) owe(listener, 'position-unreadable')
      else if (load !== undefined) listener.beginWithLoad(load, position)
      else listener.beginAt(position)
      listener.isProved = true
    } else if (gap !== undefined && isSamePosition(taken, asked)) owe(listener, gap)
    else if (taken.epoch !== position.epoch) owe(listener, 'epoch-changed')
    else if (taken.offset < from.offset) asksAgain = true
    else {
      // Not if it is beyond the end: the log may have lost what it had.
      listener.isProved = taken.offset <= position.offset || isSamePosition(taken, asked)
      if (listener.isProved) listener.isClaimed = false
      else asksAgain = true
      if (taken.offset < position.offset) missed.push({ listener, count: position.offset - taken.offset })
    }
  }
  return { missed, asksAgain }
}
