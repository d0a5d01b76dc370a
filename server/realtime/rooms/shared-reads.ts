import type { Position } from '../../../shared/position.ts'
import type { Broker, History } from '../../broker/broker.ts'
import { createTurnstile } from '../../lib/flow-control.ts'
import type { LocalRoom } from './local-room.ts'

/** Notices in one read of a log. */
const PAGE_NOTICES = 100
/** Pages that are read at a time: one of the largest recalls is 7.5 MB. */
const PAGES_AT_ONCE = 8

/** A page of the log of a room after a position. Rejects with BROKER_UNAVAILABLE. */
export type ReadPage = (room: LocalRoom, since: Position) => Promise<History>

/**
 * Reads logs for sockets that come back. Those of a lost node come together and mostly stopped at the same place: who asks
 * for a page that is being read gets that one, and the room remembers it for those who come a moment later.
 */
export function createSharedReads(broker: Pick<Broker, 'history'>): ReadPage {
  const inTurn = createTurnstile(PAGES_AT_ONCE)
  const underWay = new Map<string, Promise<History>>()

  async function read(room: LocalRoom, since: Position): Promise<History> {
    const history = await inTurn(() => broker.history(room.room, since, PAGE_NOTICES))
    if (history.gap === undefined) room.remember(since.epoch, history.notices)
    return history
  }

  return (room, since) => {
    const page = `${room.name} ${since.epoch} ${since.offset}`
    const known = underWay.get(page)
    if (known !== undefined) return known
    const reading = read(room, since).finally(() => underWay.delete(page))
    underWay.set(page, reading)
    return reading
  }
}
