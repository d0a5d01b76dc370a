import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import { roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Api } from '../state/api.ts'
import type { NoticeRow } from '../state/row.ts'

/** More recalls than these are not received in one millisecond. */
const NEAR_AT_MOST = 50

/** A room that a recall went to. */
export interface Stop {
  readonly room: Room
  /** Its number in the log; undefined when the log holds it no more. */
  readonly offset: number | undefined
  /** How many listen there now, on the node that was asked; for admins. */
  readonly sockets?: number
}

/** In which rooms a recall was told. Of a member's notice only the room is known in which it was seen. */
export function findStops(api: Api, { room, notice }: NoticeRow): Promise<readonly Stop[]> {
  if (!('receivedAtMs' in notice)) return Promise.resolve([{ room, offset: notice.offset }])
  return Promise.all(roomsOf(notice).map((one) => findStop(api, one, notice)))
}

async function findStop(api: Api, room: Room, notice: Notice): Promise<Stop> {
  const query = { receivedSinceMs: notice.receivedAtMs, limit: NEAR_AT_MOST }
  const [{ notices }, { sockets }] = await Promise.all([api.notices(room, query), api.position(room)])
  const found = notices.find((one) => isSame(one, notice))
  return { room, offset: found?.offset, ...(sockets !== undefined && { sockets }) }
}

/** One recall has other offsets in other rooms, and all else the same. */
const isSame = (one: Notice | MemberNotice, other: Notice): boolean =>
  'receivedAtMs' in one &&
  one.receivedAtMs === other.receivedAtMs &&
  one.group === other.group &&
  one.topic === other.topic &&
  one.messages[0]?.seq === other.messages[0]?.seq
