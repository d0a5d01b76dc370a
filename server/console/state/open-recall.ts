import type { Api } from './api.ts'
import type { KeyedRow, NoticeRow } from './feed.ts'
import type { RecallPlace } from './place.ts'

export const placeOf = ({ room, epoch, notice }: NoticeRow): RecallPlace => ({
  room,
  epoch,
  offset: notice.offset,
})

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
export function findRow(rows: readonly KeyedRow[], { epoch, offset }: RecallPlace): KeyedRow | undefined {
  return rows.findLast(
    ({ row }) => row.kind === 'notice' && row.notice.offset === offset && row.epoch === epoch,
  )
}
