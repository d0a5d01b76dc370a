import type { Position } from '../../../shared/position.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker, History } from '../../broker/broker.ts'
import { firstOf, isContradicted } from './evidence.ts'
import type { Evidence } from './evidence.ts'

/** Notices in one read of the log. */
const PAGE_NOTICES = 100

type Source = Pick<Broker, 'history'>

/**
 * Reads what follows the position of a room, a page at most. With evidence, compares it with the log in the same read: all of it, or only
 * its end if the log no longer reaches back that far. `isLost`: the log holds other entries than these. Rejects with
 * BROKER_UNAVAILABLE.
 */
export async function readOn(
  broker: Source,
  room: Room,
  { epoch, offset }: Position,
  evidence?: Evidence,
): Promise<{ readonly history: History; readonly isLost: boolean }> {
  const read = (from: number): Promise<History> =>
    broker.history(room, { epoch, offset: from - 1 }, offset - from + 1 + PAGE_NOTICES)
  const first = evidence && firstOf(evidence)
  if (evidence !== undefined && first !== undefined)
    for (const from of [first, offset]) {
      const history = await read(from)
      if (history.gap === undefined) return { history, isLost: isContradicted(evidence, history.notices) }
      if (history.gap === 'epoch-changed') return { history, isLost: false }
    }
  return { history: await read(offset + 1), isLost: false }
}
