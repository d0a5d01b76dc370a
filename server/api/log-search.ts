import { GatewayError } from '../../shared/errors.ts'
import { matches } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import type { SearchHit, SearchResponse } from '../../shared/http-api/search.ts'
import type { Position } from '../../shared/position.ts'
import { FEED, isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker, StoredEntry } from '../broker/broker.ts'
import { BoundedPage } from './bounded-page.ts'
import { MAX_PAGE_BYTES } from './log-pages.ts'

/** Entries of one read: of the largest recalls 7.5 MB. The most that `entries` returns. */
const ENTRIES_PER_READ = 100

/** Where a search continues: in which log, and before which offset. */
export interface Cursor {
  /** Whether that is the feed, or the room that the filter names. */
  readonly isFeed: boolean
  readonly position: Position
}

interface SearchRequest {
  readonly filter: Filter
  /** The room that the filter names, if it names one. */
  readonly room: Room | undefined
  readonly cursor: Cursor | undefined
  readonly limit: number
}

/** What one request may do at most, whatever it finds. At least one read is done. */
interface SearchBounds {
  readonly entries: number
  readonly ms: number
}

/** Reading a log so creates nothing: whoever types names into a search box must not make logs of them. */
type Log = Pick<Broker, 'entries'>

type Found = Omit<SearchResponse, 'ok' | 'cursor'> & { readonly cursor?: Cursor }

/** A log gets another epoch once in a while, not several times in a second. */
const MAX_ATTEMPTS = 3

/** Looks through a log from its end, or from a cursor, for recalls that match. */
export async function search(log: Log, request: SearchRequest, bounds: SearchBounds): Promise<Found> {
  const { cursor } = request
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const [furthest, other] = await openLogs(log, request.room)
    const continued =
      cursor && [furthest, other].find((opened) => opened !== undefined && isContinuedBy(opened, cursor))
    const before = continued && cursor?.position.offset
    const opened = continued ?? furthest
    const found = await lookThrough(log, opened, before, request, bounds)
    if (found === undefined) continue
    const beyond = whatIsBeyond(opened, request.room === undefined || opened !== furthest)
    const isRestarted = cursor !== undefined && continued === undefined
    return { ...found, ...(beyond && { beyond }), ...(isRestarted && { restarted: true }) }
  }
  throw new GatewayError('BROKER_UNAVAILABLE', 'the log changes all the time')
}

const isContinuedBy = ({ room, head }: OpenLog, cursor: Cursor): boolean =>
  isFeed(room) === cursor.isFeed && head.epoch === cursor.position.epoch

interface OpenLog {
  readonly room: Room
  readonly head: Position
  /** The offset of the oldest entry; that of the next one if it has none. */
  readonly first: number
  readonly keptSinceMs: number | null
}

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
  return own.keptSinceMs !== null && own.keptSinceMs <= (feed.keptSinceMs ?? Infinity)
    ? [own, feed]
    : [feed, own]
}

/** Stands for the epoch of a log that was never used. */
const NO_EPOCH = '-'
/** So many entries are asked for a time, should the oldest have none. */
const OLDEST = 10

async function openLog(log: Log, room: Room): Promise<OpenLog> {
  const { head, entries } = await log.entries(room, 0, OLDEST)
  if (head === undefined) return { room, head: { epoch: NO_EPOCH, offset: 0 }, first: 1, keptSinceMs: null }
  const [oldest] = entries
  if (oldest === undefined) return { room, head, first: head.offset + 1, keptSinceMs: null }
  // If there is no time in any, the log is not empty, but nothing is known of how far it reaches.
  const keptSinceMs = entries.map(keptAt).find((atMs) => atMs !== undefined) ?? Date.now()
  return { room, head, first: oldest.offset, keptSinceMs }
}

/**
 * When the store kept an entry: what was received later than that was kept later too, though it may have waited in a spool. Entries of the
 * last release do not say it.
 */
const keptAt = ({ link, notice }: StoredEntry): number | undefined => link?.keptAtMs ?? notice?.receivedAtMs

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
      cursor: { isFeed: isFeed(room), position: { epoch: head.epoch, offset: end } },
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
