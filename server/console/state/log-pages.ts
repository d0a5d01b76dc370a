import type { Room } from '../../../shared/room.ts'
import type { Api } from './api.ts'
import type { KeyedRow } from './feed.ts'

const PAGE_SIZE = 200

/** The pages of a log that were read so far. */
export interface PagesRead {
  readonly room: Room
  readonly sinceMs: number
  readonly epoch: string
  /** Oldest first. Keys are offsets. */
  readonly rows: readonly KeyedRow[]
  /** The next page ends before this offset; undefined if nothing was there. */
  readonly before: number | undefined
  /** By the gateway's clock. */
  readonly readAtMs: number
  /** Why there are no more: the log does not go back further, what is older was recalled before, or it is another log now. */
  readonly end: 'kept' | 'since' | 'replaced' | undefined
}

/**
 * Reads the page of a log before `previous`, back to `sinceMs`. Logs are in order of arrival, and a recall that waited on a disk arrives
 * late: only a whole page that was recalled earlier says that what is older was, too.
 */
export async function readLog(
  api: Pick<Api, 'notices' | 'clock'>,
  room: Room,
  sinceMs: number,
  previous?: PagesRead,
): Promise<PagesRead> {
  const before = previous?.before
  const { notices, older, position } = await api.notices(room, {
    limit: PAGE_SIZE,
    ...(before !== undefined && { before }),
  })
  const { epoch } = position
  // Offsets of another log name other recalls.
  if (previous !== undefined && previous.epoch !== epoch) return { ...previous, end: 'replaced' }
  const recent = notices.filter(({ recalledAtMs }) => recalledAtMs >= sinceMs)
  const rows = recent.map((notice) => ({
    key: notice.offset,
    row: { kind: 'notice', room, epoch, notice } as const,
  }))
  const isBefore = notices.length > 0 && recent.length === 0
  return {
    room,
    sinceMs,
    epoch,
    readAtMs: previous?.readAtMs ?? api.clock.fromViewer(Date.now()),
    rows: [...rows, ...(previous?.rows ?? [])],
    before: notices[0]?.offset ?? before,
    end: older !== true ? 'kept' : isBefore ? 'since' : undefined,
  }
}
