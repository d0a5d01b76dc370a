import type { State as ClientState } from '../../../shared/client.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { ApiError } from './api.ts'
import type { Api } from './api.ts'
import type { NoticeRow, Row } from './feed.ts'
import type { Followed } from './follow.ts'
import { Interruptions } from './interruptions.ts'
import type { Interruption } from './interruptions.ts'

/** How much of a log is shown at first. The feed is a view of its own; other rooms show their latest recalls. */
const INITIAL_FEED_ROWS = 1_000
const INITIAL_ROOM_ROWS = 20
const MAX_LATEST = 20

type LatestRow = NoticeRow | Extract<Row, { readonly kind: 'interruption' }>

interface WatchedRoomOptions {
  readonly api: Api
  /** Receives the rows of the feed, oldest first. */
  readonly onFeed: (rows: readonly Row[]) => void
}

/** A room the page watches: what it shows of it, and whether that is complete. */
export class WatchedRoom {
  readonly room: Room
  followed: Followed | undefined
  /** Why the gateway refused the subscription, for good. */
  refusal: { readonly code: string; readonly message: string } | undefined
  gaps = 0
  lastGap: { readonly reason: GapReason; readonly atMs: number } | undefined
  /** How many notices came late because the page was not connected. */
  recovered = 0
  readonly #options: WatchedRoomOptions
  readonly #interruptions: Interruptions
  /** Newest first. Empty for the feed, which is shown elsewhere. */
  #latest: readonly LatestRow[] = []
  /** After the last notice shown; undefined until the log has been read. */
  #shown: Position | undefined

  constructor(room: Room, options: WatchedRoomOptions) {
    this.room = room
    this.#options = options
    this.#interruptions = new Interruptions(options.api.clock)
  }

  get latest(): readonly LatestRow[] {
    return this.#latest
  }

  get interruption(): Interruption | undefined {
    return this.#interruptions.latest
  }

  /** Takes the room's state; the first thing of an interruption is a row that says so. */
  onState(state: ClientState): void {
    const interruption = this.#interruptions.onState(state)
    if (interruption !== undefined) this.#show([{ kind: 'interruption', interruption }])
  }

  onNotice(notice: Notice | MemberNotice): void {
    if (this.#shown !== undefined) this.#shown = { ...this.#shown, offset: notice.offset }
    this.#show([{ ...this.#rowOf(notice, true), seenAtMs: Date.now() }])
  }

  onRecovered(count: number): void {
    if (this.#interruptions.addRecovered(count)) this.recovered += count
  }

  onGap(reason: GapReason): void {
    this.gaps++
    this.lastGap = { reason, atMs: this.#options.api.clock.fromViewer(Date.now()) }
    this.#show([{ kind: 'gap', reason }])
  }

  /**
   * Reads the log up to `position`, and shows what is not shown yet: its end at first, later what followed the last notice.
   * Rejects with an `ApiError` if it cannot be read.
   */
  async load(position: Position): Promise<void> {
    const { api } = this.#options
    const limit = isFeed(this.room) ? INITIAL_FEED_ROWS : INITIAL_ROOM_ROWS
    const page = await api.notices(this.room, { limit, before: position.offset + 1 })
    if (page.position.epoch !== position.epoch)
      throw new ApiError('LOG_REPLACED', 'the log was replaced while it was read')
    const isFirst = this.#shown === undefined
    const from = this.#shown?.epoch === position.epoch ? this.#shown.offset : 0
    this.#shown = position
    const missing = page.notices.filter(({ offset }) => offset > from)
    this.#show(missing.map((notice) => this.#rowOf(notice, !isFirst)))
  }

  #rowOf(notice: Notice | MemberNotice, isNew: boolean): NoticeRow {
    const lateMs = isNew ? this.#interruptions.lateness(notice) : undefined
    return { kind: 'notice', room: this.room, notice, ...(lateMs !== undefined && { lateMs }) }
  }

  #show(rows: readonly Row[]): void {
    if (isFeed(this.room)) return this.#options.onFeed(rows)
    const newest = rows.filter((row) => row.kind !== 'gap').toReversed()
    this.#latest = [...newest, ...this.#latest].slice(0, MAX_LATEST)
  }
}
