import type { NoticesResponse } from '../../shared/http-api.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import type { HistoryBefore } from '../broker/log-reading.ts'
import { BoundedPage } from './bounded-page.ts'

/** Bounds the notices of a page. */
export const MAX_PAGE_BYTES = 1024 * 1024
/** When recalls are large, much of a larger read would not fit on the page. */
const NOTICES_PER_READ = 100

/** Part of a log, oldest first, as admins see it. */
export interface Page extends Omit<NoticesResponse, 'ok' | 'room' | 'notices'> {
  readonly notices: readonly Notice[]
}

type Log = Pick<Broker, 'history' | 'historyBefore'>

/** Returns the notices after a position, as many as fit on a page. */
export async function readAfter(log: Log, room: Room, since: Position, limit: number): Promise<Page> {
  const page = newPage(limit)
  for (let at = since; ; at = { epoch: at.epoch, offset: lastOffset(page.all, at.offset) }) {
    const count = Math.min(limit - page.all.length, NOTICES_PER_READ)
    const history = await log.history(room, at, count)
    if (history.gap !== undefined) {
      if (page.all.length === 0) return { notices: [], position: history.head, more: false, gap: history.gap }
      // The log was lost or trimmed between two reads. A client that continues from here receives the gap.
      return { notices: page.all, position: at, more: true }
    }
    const allFit = history.notices.every((notice) => page.add(notice))
    if (allFit && history.notices.length === count && !page.isFull) continue
    return toPage(page.all, history.head, lastOffset(page.all, since.offset))
  }
}

/** Returns the notices nearest before an offset, as many as fit on a page. Entries that nobody can read are passed over, and counted. */
export async function readBefore(log: Log, room: Room, before: number, limit: number): Promise<Page> {
  const page = newPage(limit)
  let head: Position | undefined
  // Offsets begin at 1, and not every log knows what is before 0.
  let at = Math.max(1, before)
  let unreadable = 0
  for (;;) {
    // One more than fits shows whether there are older ones. Where some cannot be read, there may be many.
    const count = unreadable > 0 ? NOTICES_PER_READ : Math.min(limit + 1 - page.all.length, NOTICES_PER_READ)
    const read = await log.historyBefore(room, at, count)
    head ??= read.head
    // Offsets of another epoch say nothing about the notices already read.
    const isSameLog = read.head.epoch === head.epoch
    const allFit = isSameLog && read.notices.toReversed().every((notice) => page.add(notice))
    if (isSameLog) unreadable += read.unreadable
    at = read.firstOffset ?? at
    if (allFit && entriesIn(read) === count) continue
    const notices = page.all.toReversed()
    const end = notices.at(-1)?.offset ?? head.offset
    return { ...toPage(notices, head, end), ...counted(unreadable), older: !allFit }
  }
}

/**
 * Returns the notices received since a time, as many as fit on a page. Reads backwards until a whole read is older: a
 * notice that waited in a spool can follow notices that were received later elsewhere. Entries that nobody can read are passed over,
 * because nobody knows when they were received, and counted.
 */
export async function readReceivedSince(log: Log, room: Room, sinceMs: number, limit: number): Promise<Page> {
  let notices: readonly Notice[] = []
  let before = Number.MAX_SAFE_INTEGER
  let head: Position | undefined
  let unreadable = 0
  // What can be read ends here. Whoever continues from there is told of what cannot.
  let newest: number | undefined
  for (;;) {
    const read = await log.historyBefore(room, before, NOTICES_PER_READ)
    head ??= read.head
    const recent = read.notices.filter(({ receivedAtMs }) => receivedAtMs >= sinceMs)
    const isSameLog = read.head.epoch === head.epoch
    if (isSameLog) {
      notices = firstPage([...recent, ...notices], limit)
      unreadable += read.unreadable
      newest ??= read.notices.at(-1)?.offset
    }
    const isOlder = recent.length === 0 && read.notices.length > 0
    if (!isSameLog || isOlder || entriesIn(read) < NOTICES_PER_READ) {
      const end = notices.at(-1)?.offset ?? (unreadable === 0 ? head.offset : (newest ?? 0))
      return { ...toPage(notices, head, end), ...counted(unreadable) }
    }
    before = read.firstOffset ?? before
  }
}

const entriesIn = ({ notices, unreadable }: HistoryBefore): number => notices.length + unreadable

const counted = (unreadable: number): { readonly unreadable?: number } =>
  unreadable > 0 ? { unreadable } : {}

/** Returns the first notices, as many as fit on a page. */
function firstPage(notices: readonly Notice[], limit: number): readonly Notice[] {
  const page = newPage(limit)
  notices.every((notice) => page.add(notice))
  return page.all
}

/** A page that ends at `offset`, of a log that ends at `head`. */
const toPage = (notices: readonly Notice[], head: Position, offset: number): Page => ({
  notices,
  position: { epoch: head.epoch, offset },
  more: offset < head.offset,
})

const newPage = (limit: number) => new BoundedPage<Notice>(limit, MAX_PAGE_BYTES)

/** Returns the offset of the last notice, or `otherwise` if there is none. */
const lastOffset = (notices: readonly Notice[], otherwise: number): number =>
  notices.at(-1)?.offset ?? otherwise
