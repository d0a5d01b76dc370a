import { GatewayError } from '../../shared/errors.ts'
import { matches } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import type { SearchHit, SearchResponse } from '../../shared/http-api/search.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import { FEED, isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import { MAX_PAGE_BYTES } from './log-pages.ts'

/** Entries of one read: of the largest recalls 7.5 MB. The most that `excerpts` returns of a room. */
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

type Log = Pick<Broker, 'history' | 'excerpts'>

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
    const found = await lookThrough(log, continued ?? furthest, before, request, bounds)
    const isRestarted = cursor !== undefined && continued === undefined
    if (found !== undefined) return { ...found, ...(isRestarted && { restarted: true }) }
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

/** An epoch that no log has. Who follows a log under another epoch is told where it begins. */
const NO_EPOCH = '-'

async function openLog(log: Log, room: Room): Promise<OpenLog> {
  const { head, ...history } = await log.history(room, { epoch: NO_EPOCH, offset: 0 }, 1)
  const first = (history.gap !== undefined ? (history.resume?.offset ?? 0) : 0) + 1
  const [oldest] = await log.excerpts([{ room, first, last: Math.min(first + 9, head.offset) }])
  const readable = oldest?.entries.find((entry) => entry !== null)
  return { room, head, first, keptSinceMs: readable?.receivedAtMs ?? null }
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
  const hits = new Hits(limit)
  const seen = new Seen()
  let end = Math.min(before, head.offset + 1)
  for (let reads = 0; end > first && !hits.isFull; reads++) {
    const count = Math.min(ENTRIES_PER_READ, bounds.entries - seen.entries)
    if (count === 0 || (reads > 0 && performance.now() >= endsAtMs)) break
    const from = Math.max(first, end - count)
    const [part] = await log.excerpts([{ room, first: from, last: end - 1 }])
    if (part?.head.epoch !== head.epoch) return undefined
    for (const entry of part.entries.toReversed()) {
      if (entry !== null && matches(filter, entry) && !hits.add({ room, epoch: head.epoch, notice: entry }))
        break
      seen.add(entry)
      if (entry !== null) end = entry.offset
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

/** Collects hits until there are enough, or as much as fits into a response. */
class Hits {
  readonly all: SearchHit[] = []
  readonly #limit: number
  #bytes = 0
  #isOver = false

  constructor(limit: number) {
    this.#limit = limit
  }

  get isFull(): boolean {
    return this.#isOver || this.all.length >= this.#limit
  }

  /** Returns whether there was room for it. The first one has. */
  add(hit: SearchHit): boolean {
    if (this.isFull) return false
    this.#bytes += Buffer.byteLength(JSON.stringify(hit))
    this.#isOver = this.#bytes > MAX_PAGE_BYTES && this.all.length > 0
    if (!this.#isOver) this.all.push(hit)
    return !this.#isOver
  }
}

/** Counts what was looked at. */
class Seen {
  entries = 0
  #unreadable = 0
  #fromMs = Infinity
  #toMs = -Infinity

  add(entry: Notice | null): void {
    this.entries++
    if (entry === null) this.#unreadable++
    else {
      this.#fromMs = Math.min(this.#fromMs, entry.receivedAtMs)
      this.#toMs = Math.max(this.#toMs, entry.receivedAtMs)
    }
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
