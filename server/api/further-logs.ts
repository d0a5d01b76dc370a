import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import { firstKeptAfter, openLog, textOf } from './open-log.ts'
import type { OpenLog } from './open-log.ts'

/** A log whose older part holds what the feed has dropped: all before an offset. */
interface Further {
  readonly index: number
  readonly opened: OpenLog
  readonly before: number
}

/** More recalls than two logs ever get in a different millisecond, or one call of the store keeps in the same. */
const AT_THE_EDGE = 32

/**
 * Returns the first of these logs, from an index on, that has entries from before those of the feed, which reaches back to `reachedMs`;
 * undefined if none has.
 */
export async function findFurther(
  log: Pick<Broker, 'entries'>,
  rooms: readonly Room[],
  from: number,
  reachedMs: number,
): Promise<Further | undefined> {
  let ofFeed: Promise<ReadonlySet<string>> | undefined
  for (const [index, room] of rooms.entries()) {
    if (index < from) continue
    const opened = await openLog(log, room)
    const { keptSinceMs, first } = opened
    if (keptSinceMs === null || keptSinceMs > reachedMs) continue
    const after = await firstKeptAfter(log, opened, reachedMs)
    const before = await firstHeldBy(await (ofFeed ??= oldestOfFeed(log)), log, opened, after)
    if (before > first) return { index, opened, before }
  }
  return undefined
}

async function oldestOfFeed(log: Pick<Broker, 'entries'>): Promise<ReadonlySet<string>> {
  return new Set((await log.entries(FEED, 0, AT_THE_EDGE)).entries.map(textOf))
}

/**
 * Returns the offset of the first of the entries before an offset that the feed holds, too; that offset if it holds none. Times alone do not
 * tell: a store may keep a recall in the log of its group a millisecond before it is in the feed, or many in the same.
 */
async function firstHeldBy(
  ofFeed: ReadonlySet<string>,
  log: Pick<Broker, 'entries'>,
  { room, first }: OpenLog,
  before: number,
): Promise<number> {
  const from = Math.max(first, before - AT_THE_EDGE)
  const { entries } = await log.entries(room, from - 1, before - from)
  const last = entries.findLast((entry) => entry.offset < before && !ofFeed.has(textOf(entry)))
  return last === undefined ? from : last.offset + 1
}
