import type { Room } from '../../../shared/room.ts'
import type { Api } from '../state/api.ts'
import type { KeyedRow } from '../state/row.ts'

const PER_PAGE = 200

/** What a search has found so far. */
export interface Found {
  readonly room: Room
  readonly sinceMs: number
  /** The oldest first, with their offsets as keys. */
  readonly rows: readonly KeyedRow[]
  /** Whether nothing older matches. */
  readonly isAll: boolean
}

/** Reads a log backwards, page by page, until the time since when it was asked for. A log stands in order of arrival. */
export async function readBack(api: Api, room: Room, sinceMs: number, found?: Found): Promise<Found> {
  const before = found?.rows[0]?.key
  const page = await api.notices(room, { limit: PER_PAGE, ...(before !== undefined && { before }) })
  const young = page.notices.filter((notice) => timeOf(notice) >= sinceMs)
  const rows = young.map((notice) => ({
    key: notice.offset,
    row: { kind: 'notice', room, notice } as const,
  }))
  return {
    room,
    sinceMs,
    rows: [...rows, ...(found?.rows ?? [])],
    isAll: young.length < page.notices.length || page.older !== true,
  }
}

/** Members are not told when a recall was received. */
const timeOf = (notice: { readonly recalledAtMs: number; readonly receivedAtMs?: number }): number =>
  notice.receivedAtMs ?? notice.recalledAtMs
