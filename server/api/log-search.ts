import { GatewayError } from '../../shared/errors.ts'
import { matches } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import type { SearchHit, SearchResponse } from '../../shared/http-api/search.ts'
import type { Position } from '../../shared/position.ts'
import { FEED, isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import { BoundedPage } from './bounded-page.ts'
import { findFurther } from './further-logs.ts'
import { HeldEntries } from './held-entries.ts'
import { MAX_PAGE_BYTES } from './log-pages.ts'
import { NO_EPOCH, openLog, textOf } from './open-log.ts'
import type { OpenLog } from './open-log.ts'
import { Seen, together } from './searched.ts'

/** Entries of one read: of the largest recalls 7.5 MB. The most that `entries` returns. */
const ENTRIES_PER_READ = 100

/** Where a search continues: in which log, and before which offset. */
export interface Cursor {
  /**
   * The feed, the room that the filter names, the feed behind the log of this room, or one of the rooms that the filter may mean, by
   * index.
   */
  readonly log: 'feed' | 'room' | 'rest' | number
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
    opened?.head.epoch === epoch ? await lookThrough(log, opened, offset, lookOf(request, bounds)) : undefined
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
    const look = lookOf(request, bounds)
    if (cursor?.log === 'rest' && other?.head.epoch === cursor.position.epoch && mayLack(furthest)) {
      const found = await searchRest(log, [furthest, other], cursor.position.offset, look)
      if (found === undefined) continue
      return found
    }
    const continued =
      cursor && [furthest, other].find((opened) => opened !== undefined && isContinuedBy(opened, cursor))
    const before = continued && cursor?.position.offset
    const opened = continued ?? furthest
    const endsAtMs = performance.now() + bounds.ms
    const found = await lookThrough(log, opened, before, look)
    if (found === undefined) continue
    const mayBeElsewhere = request.room === undefined ? request.others?.areAll !== true : opened !== furthest
    const isRestarted = cursor !== undefined && continued === undefined
    const all: Found = {
      ...found,
      ...(isFeed(opened.room) && mayBeElsewhere && opened.first > 1 && { beyond: 'conversations' as const }),
      ...(isRestarted && { restarted: true }),
    }
    if (all.cursor !== undefined || !mayLack(opened)) return all
    const left = { entries: bounds.entries - all.searched.entries, ms: endsAtMs - performance.now() }
    return await goOnInFeed(log, opened, all, { ...look, bounds: left })
  }
  throw new GatewayError('BROKER_UNAVAILABLE', 'the log changes all the time')
}

const isContinuedBy = ({ room, head }: OpenLog, cursor: Cursor): boolean =>
  cursor.log === (isFeed(room) ? 'feed' : 'room') && head.epoch === cursor.position.epoch

/**
 * Whether the feed may hold recalls that belong into this log: those of a group from before it was dismissed are in the feed only, if they
 * came afterwards, or before the group was recalled in again.
 */
const mayLack = ({ room }: OpenLog): boolean => room.group !== undefined

/** Goes on behind the log of a group, which was looked through to its end: now, as far as the bounds allow, and the next time. */
async function goOnInFeed(
  log: Log,
  own: OpenLog,
  found: Found,
  { filter, bounds, page }: Look,
): Promise<Found> {
  const feed = await openLog(log, FEED)
  const end = feed.head.offset + 1
  const cursor: Cursor = { log: 'rest', position: { epoch: feed.head.epoch, offset: end } }
  const isAtBounds = page.isFull || bounds.entries <= 0 || bounds.ms <= 0
  const rest = isAtBounds ? undefined : await searchRest(log, [own, feed], end, { filter, bounds, page })
  if (rest === undefined) return { ...found, cursor }
  return { ...found, ...rest, searched: together(found.searched, rest.searched) }
}

/** Looks through the feed for what the log of the room, which was looked through before, does not hold. */
async function searchRest(
  log: Log,
  [own, feed]: readonly [OpenLog, OpenLog],
  before: number,
  look: Look,
): Promise<Found | undefined> {
  const found = await lookThrough(log, feed, before, { ...look, held: new HeldEntries(log, own) })
  if (found === undefined) return undefined
  const { cursor, ...rest } = found
  return {
    ...rest,
    keptSinceMs: own.keptSinceMs,
    ...(cursor && { cursor: { ...cursor, log: 'rest' } }),
  }
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

/** What is looked for, and what is found; several logs may share a page. */
interface Look {
  readonly filter: Filter
  readonly bounds: SearchBounds
  readonly page: BoundedPage<SearchHit>
  /** What was found before is not found again. */
  readonly held?: HeldEntries
}

const lookOf = ({ filter, limit }: SearchRequest, bounds: SearchBounds): Look => ({
  filter,
  bounds,
  page: new BoundedPage(limit, MAX_PAGE_BYTES),
})

/** Resolves to undefined if the log has got another epoch meanwhile. */
async function lookThrough(
  log: Log,
  { room, head, first, keptSinceMs }: OpenLog,
  before = head.offset + 1,
  { filter, bounds, page, held }: Look,
): Promise<Found | undefined> {
  const endsAtMs = performance.now() + bounds.ms
  const seen = new Seen()
  let end = Math.min(before, head.offset + 1)
  for (let reads = 0; end > first && !page.isFull; reads++) {
    const count = Math.min(ENTRIES_PER_READ, bounds.entries - seen.entries)
    if (count === 0 || (reads > 0 && performance.now() >= endsAtMs)) break
    const from = Math.max(first, end - count)
    const part = await log.entries(room, from - 1, end - from)
    if ((part.head?.epoch ?? NO_EPOCH) !== head.epoch) return undefined
    for (const entry of part.entries.toReversed()) {
      const { offset, notice } = entry
      // The log was trimmed between two reads, so that this one began later.
      if (offset >= end) continue
      const mayMatch = notice === null || matches(filter, notice)
      const isKnown = mayMatch && held !== undefined && (await held.has(entry))
      if (notice !== null && mayMatch && !isKnown && !page.add({ room, epoch: head.epoch, notice })) break
      seen.add(entry, isKnown)
      end = offset
    }
    if (!page.isFull) end = from
  }
  return {
    hits: page.all,
    searched: { room, ...seen.summary() },
    keptSinceMs,
    ...(end > first && {
      cursor: { log: isFeed(room) ? 'feed' : 'room', position: { epoch: head.epoch, offset: end } },
    }),
  }
}
