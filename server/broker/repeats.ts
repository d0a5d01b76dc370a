import type { Position } from '../../shared/position.ts'
import type { Recall } from '../../shared/recall.ts'
import { FEED, roomsOf } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Published } from './broker.ts'

// What `Broker.publish` says of repeats and of groups that ended. The publish script of Redis says the same in Lua, and one
// model checks both.

/** Two recalls of one message without the provider's time, closer than this, are one recall reported twice. */
export const UNTIMED_REPEAT_WINDOW_MS = 3_600_000

/** Whether something happened until the end of its group, and thus to a group that is no more. */
export const isBefore = (atMs: number, endedAtMs: number | undefined): boolean =>
  endedAtMs !== undefined && atMs <= endedAtMs

/** Whether a message was recalled already. `knownAtMs` is its time in the recalled set, `endedAtMs` the end of its group. */
export function isRepeat(
  recall: Pick<Recall, 'recalledAtMs' | 'untimed'>,
  knownAtMs: number | undefined,
  endedAtMs: number | undefined,
): boolean {
  if (knownAtMs === undefined) return false
  if (isBefore(knownAtMs, endedAtMs) && !isBefore(recall.recalledAtMs, endedAtMs)) return false
  if (knownAtMs >= recall.recalledAtMs) return true
  return recall.untimed === true && recall.recalledAtMs - knownAtMs < UNTIMED_REPEAT_WINDOW_MS
}

/**
 * Returns the rooms that receive a recall. Those who listen to the rooms of a group that was dismissed, and made again, must
 * not take the old seqs for theirs, so a recall from before the end goes to the feed only.
 */
export const roomsFor = (recall: Recall, endedAtMs: number | undefined): readonly Room[] =>
  isBefore(recall.recalledAtMs, endedAtMs) ? [FEED] : roomsOf(recall)

/** Returns the positions that a recall got, each with its room, given all its rooms: it went to the last of them; see `roomsFor`. */
export function withRooms(rooms: readonly Room[], positions: readonly Position[]): Published['positions'] {
  const skipped = rooms.length - positions.length
  const placed: { readonly room: Room; readonly position: Position }[] = []
  for (const [i, position] of positions.entries()) {
    const room = rooms[skipped + i]
    if (room !== undefined) placed.push({ room, position })
  }
  return placed
}
