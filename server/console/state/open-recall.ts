import { roomName } from '../../../shared/room.ts'
import type { Api } from './api.ts'
import { identityOf } from './conversations.ts'
import type { KeyedRow, NoticeRow } from './feed.ts'
import type { RecallPlace } from './place.ts'

export const placeOf = ({ room, epoch, notice }: NoticeRow): RecallPlace => ({
  room,
  epoch,
  offset: notice.offset,
})

/** A place as text: the same for the same place only. */
export const placeText = ({ room, epoch, offset }: RecallPlace): string =>
  `${roomName(room)}@${epoch}:${offset}`

/** Why a recall cannot be shown: its log was lost since, or no longer goes back so far, or has not come so far. */
export type Missing = 'other-log' | 'not-kept' | 'not-yet'

/** Reads a recall by its place. Rejects with an `ApiError`. */
export async function readRecall(api: Api, place: RecallPlace): Promise<NoticeRow | Missing> {
  const { room, epoch, offset } = place
  const page = await api.notices(room, { before: offset + 1, limit: 1 })
  const notice = page.notices.at(-1)
  if (page.position.epoch !== epoch) return 'other-log'
  if (notice?.offset === offset) return { kind: 'notice', room, epoch, notice }
  const head = await api.position(room)
  return head.position.offset < offset ? 'not-yet' : 'not-kept'
}

/** Returns the row at a place; rows are oldest first, so it is near the end if it is new. */
export function findRow(
  rows: readonly KeyedRow[],
  { room, epoch, offset }: RecallPlace,
): KeyedRow | undefined {
  const name = roomName(room)
  return rows.findLast(
    ({ row }) =>
      row.kind === 'notice' &&
      row.notice.offset === offset &&
      row.epoch === epoch &&
      roomName(row.room) === name,
  )
}

/** Returns the key of the row of a list that is the recall, read from whichever log; undefined if none is. */
export function keyOfRecall(rows: readonly KeyedRow[], recall: NoticeRow | undefined): number | undefined {
  if (recall === undefined) return undefined
  const same = findRow(rows, placeOf(recall))
  if (same !== undefined) return same.key
  const { recalledAtMs, messages } = recall.notice
  const identity = identityOf(recall.notice)
  return rows.findLast(
    ({ row }) =>
      row.kind === 'notice' &&
      row.notice.recalledAtMs === recalledAtMs &&
      row.notice.messages.length === messages.length &&
      identityOf(row.notice) === identity,
  )?.key
}
