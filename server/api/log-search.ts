import { GatewayError } from '../../shared/errors.ts'
import { matches } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import type { SearchHit, SearchResponse } from '../../shared/http-api/search.ts'
import type { Position } from '../../shared/position.ts'
import { FEED, isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import type { StoredEntry } from '../broker/log-reading.ts'
import { BoundedPage } from './bounded-page.ts'
import { findFurther } from './further-logs.ts'
import { MAX_PAGE_BYTES } from './log-pages.ts'
import { keptAt, NO_EPOCH, openLog, textOf } from './open-log.ts'
import type { OpenLog } from './open-log.ts'

/** Entries of one read: of the largest recalls 7.5 MB. The most that `entries` returns. */
const ENTRIES_PER_READ = 100

/** Where a search continues: in which log, and before which offset. */
export interface Cursor {
  /** The feed, the room that the filter names, or one of those that it may mean, by index. */
  readonly log: 'feed' | 'room' | number
  readonly position: Position
}

interface SearchRequest {
  readonly filter: Filter
  /** The room that the filter names, if it names one. */
  readonly room: Room | undefined
  /** Rooms that it may mean, whose logs are looked through for what the feed has dropped. `areAll`: it means no others. */
  readonly others?: { readonly rooms: readonly Room[]; readonly areAll: boolean }
  readonly cursor: Cursor | undefined
  readonly limit: number
}

/** What one request may do at most, whatever it finds. At least one read is done. */
interface SearchBounds {
  readonly entries: number
  readonly ms: number
}

type Log = Pick<Broker, 'entries'>

type Found = Omit<SearchResponse, 'ok' | 'cursor'> & { readonly cursor?: Cursor }

/** A log gets another epoch once in a while, not several times in a second. */
const MAX_ATTEMPTS = 3

/** Looks through a log from its end, or from a cursor, for recalls that match. */
export async function search(log: Log, request: SearchRequest, bounds: SearchBounds): Promise<Found> {
  const { cursor } = request
  // Of the room that it has come to, behind the end of the feed.
  const at = typeof cursor?.log === 'number' ? { index: cursor.log, ...cursor.position } : undefined
  const found = await (at ? searchFurther(log, request, at, bounds) : searchFirst(log, request, bounds))
  if (found.cursor !== undefined || request.others === undefined) return found
  // The feed may have been trimmed since it was looked through.
  const seenMs = at ? null : found.searched.fromMs
  const reachedMs = Math.min(found.keptSinceMs ?? Infinity, seenMs ?? Infinity)
  const further = await findFurther(log, request.others.rooms, at ? at.index + 1 : 0, reachedMs)
  if (further === undefined) return found
  const { index, opened, before } = further
  return { ...found, cursor: { log: index, position: { epoch: opened.head.epoch, offset: before } } }
}

/** Goes on in a log that may hold what the feed has dropped. */
async function searchFurther(
  log: Log,
  request: SearchRequest,
  { index, epoch, offset }: Position & { readonly index: number },
  bounds: SearchBounds,
): Promise<Found> {
  const { rooms = [], areAll = false } = request.others ?? {}
  const feed = await openLog(log, FEED)
  const room = rooms[index]
  const opened = room && (await openLog(log, room))
  const found =
    opened?.head.epoch === epoch ? await lookThrough(log, opened, offset, request, bounds) : undefined
  // A log that was emptied meanwhile, or belongs to another filter, holds nothing more.
  const searched = { room: room ?? FEED, ...new Seen().summary() }
  const nothing: Found = { hits: [], searched, keptSinceMs: null }
  const { cursor, ...rest } = found ?? nothing
  return {
    ...rest,
    keptSinceMs: feed.keptSinceMs,
    ...(cursor && { cursor: { log: index, position: cursor.position } }),
    ...(!areAll && { beyond: 'conversations' as const }),
  }
}

async function searchFirst(log: Log, request: SearchRequest, bounds: SearchBounds): Promise<Found> {
  const { cursor } = request
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const [furthest, other] = await openLogs(log, request.room)
    const continued =
      cursor && [furthest, other].find((opened) => opened !== undefined && isContinuedBy(opened, cursor))
    const before = continued && cursor?.position.offset
    const opened = continued ?? furthest
    const found = await lookThrough(log, opened, before, request, bounds)
    if (found === undefined) continue
    const mayBeElsewhere = request.room === undefined ? request.others?.areAll !== true : opened !== furthest
    const beyond = whatIsBeyond(opened, mayBeElsewhere)
    const isRestarted = cursor !== undefined && continued === undefined
    return { ...found, ...(beyond && { beyond }), ...(isRestarted && { restarted: true }) }
  }
  throw new GatewayError('BROKER_UNAVAILABLE', 'the log changes all the time')
}

const isContinuedBy = ({ room, head }: OpenLog, cursor: Cursor): boolean =>
  isFeed(room) === (cursor.log === 'feed') && head.epoch === cursor.position.epoch

/** Returns which logs that were not looked through may hold more. `others`: whether there are any that may reach back further. */
function whatIsBeyond({ room, first }: OpenLog, others: boolean): SearchResponse['beyond'] {
  if (!isFeed(room)) return room.group === undefined ? undefined : 'feed'
  return others && first > 1 ? 'conversations' : undefined
}

/**
 * Returns the logs that may hold what the filter asks for, the one that reaches back furthest first: the log of a group may hold what that
 * of the feed has dropped, and that of the feed what the group's lost when it was dismissed.
 */
async function openLogs(log: Log, room: Room | undefined): Promise<[OpenLog, OpenLog?]> {
  const feed = await openLog(log, FEED)
  if (room === undefined) return [feed]
  const own = await openLog(log, room)
  return reachesBack(own, feed) ? [own, feed] : [feed, own]
}

/** Whether the log of a room reaches back as far as that of the feed, and holds all of the room that the feed does. */
function reachesBack(own: OpenLog, feed: OpenLog): boolean {
  const [ownMs, feedMs] = [own.keptSinceMs ?? Infinity, feed.keptSinceMs ?? Infinity]
  if (own.oldest === undefined || ownMs !== feedMs) return ownMs < feedMs
  // A group may have been dismissed, and recalled in again, within the millisecond in which the feed begins.
  return feed.first > 1 || feed.oldest === undefined || textOf(own.oldest) === textOf(feed.oldest)
}

/** Resolves to undefined if the log has got another epoch meanwhile. */
async function lookThrough(
  log: Log,
  { room, head, first, keptSinceMs }: OpenLog,
  before = head.offset + 1,
  { filter, limit }: SearchRequest,
  bounds: SearchBounds,
): Promise<Found | undefined> {
  const endsAtMs = performance.now() + bounds.ms
  const hits = new BoundedPage<SearchHit>(limit, MAX_PAGE_BYTES)
  const seen = new Seen()
  let end = Math.min(before, head.offset + 1)
  for (let reads = 0; end > first && !hits.isFull; reads++) {
    const count = Math.min(ENTRIES_PER_READ, bounds.entries - seen.entries)
    if (count === 0 || (reads > 0 && performance.now() >= endsAtMs)) break
    const from = Math.max(first, end - count)
    const part = await log.entries(room, from - 1, end - from)
    if ((part.head?.epoch ?? NO_EPOCH) !== head.epoch) return undefined
    for (const entry of part.entries.toReversed()) {
      const { offset, notice } = entry
      // The log was trimmed between two reads, so that this one began later.
      if (offset >= end) continue
      if (notice !== null && matches(filter, notice) && !hits.add({ room, epoch: head.epoch, notice })) break
      seen.add(entry)
      end = offset
    }
    if (!hits.isFull) end = from
  }
  return {
    hits: hits.all,
    searched: { room, ...seen.summary() },
    keptSinceMs,
    ...(end > first && {
      cursor: { log: isFeed(room) ? 'feed' : 'room', position: { epoch: head.epoch, offset: end } },
    }),
  }
}

/** Counts what was looked at. */
class Seen {
  entries = 0
  #unreadable = 0
  #fromMs = Infinity
  #toMs = -Infinity

  add(entry: StoredEntry): void {
    this.entries++
    if (entry.notice === null) this.#unreadable++
    const atMs = keptAt(entry)
    if (atMs === undefined) return
    this.#fromMs = Math.min(this.#fromMs, atMs)
    this.#toMs = Math.max(this.#toMs, atMs)
  }

  summary(): Omit<SearchResponse['searched'], 'room'> {
    const isEmpty = this.#fromMs > this.#toMs
    return {
      entries: this.entries,
      ...(this.#unreadable > 0 && { unreadable: this.#unreadable }),
      fromMs: isEmpty ? null : this.#fromMs,
      toMs: isEmpty ? null : this.#toMs,
    }
  }
}
