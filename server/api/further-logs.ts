import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import { keptAt, openLog } from './open-log.ts'
import type { OpenLog } from './open-log.ts'

/** A log whose older part holds what the feed has dropped: all before an offset. */
interface Further {
  readonly index: number
  readonly opened: OpenLog
  readonly before: number
}

/**
 * Returns the first of these logs, from an index on, that has entries from before `reachedMs`, which the feed reaches back to; undefined if
 * none has.
 */
export async function findFurther(
  log: Pick<Broker, 'entries'>,
  rooms: readonly Room[],
  from: number,
  reachedMs: number,
): Promise<Further | undefined> {
  for (const [index, room] of rooms.entries()) {
    if (index < from) continue
    const opened = await openLog(log, room)
    const { keptSinceMs, first } = opened
    if (keptSinceMs === null || keptSinceMs >= reachedMs) continue
    const before = await firstKeptSince(log, opened, reachedMs)
    if (before > first) return { index, opened, before }
  }
  return undefined
}

/** Returns the offset of the first entry that was kept at this time or later. Entries are in the order in which they were kept. */
async function firstKeptSince(
  log: Pick<Broker, 'entries'>,
  { room, first, head }: OpenLog,
  sinceMs: number,
): Promise<number> {
  let [low, high] = [first, head.offset + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [entry] = (await log.entries(room, middle - 1, 1)).entries
    if (entry !== undefined && (keptAt(entry) ?? Infinity) < sinceMs) low = middle + 1
    else high = middle
  }
  return low
}
