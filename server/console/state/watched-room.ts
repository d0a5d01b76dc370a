import type { RecallClient, State as ClientState, Subscription } from '../../../shared/client.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { ApiError, asApiError } from './api.ts'
import type { Api } from './api.ts'
import { identityOf } from './conversations.ts'
import { MAX_ROWS } from './feed.ts'
import type { KeyedRow, NoticeRow, Row } from './feed.ts'
import { Interruptions } from './interruptions.ts'
import { RoomRows } from './room-rows.ts'

/** How much of a log is shown at first. The feed is a view of its own; other rooms show their latest recalls. */
const INITIAL_FEED_ROWS = 1_000
const INITIAL_ROOM_ROWS = 50
const OLDER_ROWS = 200

interface WatchedRoomOptions {
  readonly client: RecallClient
  readonly api: Api
  /** Called when anything about the room may have changed. */
  readonly onChange: () => void
  /** Receives the rows of the feed, oldest first. */
  readonly onFeed: (rows: readonly Row[]) => void
}

/** A room the page watches: what it shows of it, and whether that is complete. */
export class WatchedRoom {
  readonly room: Room
  /** Why the gateway refused the subscription, for good. */
  refusal: { readonly code: string; readonly message: string } | undefined
  /** Why its log could not be read, as long as it could not. */
  failure: ApiError | undefined
  /** Whether its log held more than was read at first. */
  hasOlder = false
  gaps = 0
  lastGap: { readonly reason: GapReason; readonly atMs: number } | undefined
  /** How many notices came late because the page was not connected. */
  recovered = 0
  readonly #options: WatchedRoomOptions
  readonly #subscription: Subscription
  readonly #interruptions: Interruptions
  /** Empty for the feed, which is shown elsewhere. */
  readonly #rows = new RoomRows()
  /** After the last notice shown; undefined until the log has been read. */
  #shown: Position | undefined
  /** The notices of which there are rows: after its log was lost, a room is told of them again. */
  #told = new Set<string>()

  constructor(room: Room, options: WatchedRoomOptions) {
    this.room = room
    this.#options = options
    this.#interruptions = new Interruptions(options.api.clock)
    this.#subscription = options.client.subscribe(room, (notice) => this.#onNotice(notice), {
      load: (position) => this.#load(position),
    })
    const { onChange } = options
    this.#subscription.on('state', (state) => {
      this.#onState(state)
      onChange()
    })
    this.#subscription.on('recovered', ({ count }) => {
      if (this.#interruptions.addRecovered(count)) this.recovered += count
      onChange()
    })
    this.#subscription.on('gap', ({ reason }) => this.#onGap(reason))
    this.#subscription.on('refused', ({ code, message, retry }) => {
      if (!retry) this.refusal = { code, message }
      onChange()
    })
    this.#onState(this.#subscription.state)
  }

  get state(): ClientState {
    return this.#subscription.state
  }

  get position(): Position | undefined {
    return this.#subscription.position
  }

  /** Its rows, oldest first: at first the end of its log, then what `readOlder` reads, and all that arrives. */
  get rows(): readonly KeyedRow[] {
    return this.#rows.rows
  }

  /** Whether no more rows can be read: the page holds as many as it can. */
  get isFull(): boolean {
    return this.#rows.isFull
  }

  /** Reads what the log holds before the oldest row. Rejects with an `ApiError`. */
  async readOlder(): Promise<void> {
    const oldest = this.rows.find(({ row }) => row.kind === 'notice')?.row
    const epoch = this.#shown?.epoch
    if (oldest?.kind !== 'notice' || epoch === undefined) return
    // The log that held what is older is lost: offsets of the new one name other recalls.
    if (oldest.epoch !== epoch) {
      this.hasOlder = false
      return this.#options.onChange()
    }
    const before = oldest.notice.offset
    const page = await this.#options.api.notices(this.room, { limit: OLDER_ROWS, before })
    // The log was replaced meanwhile: what it holds now is shown from its beginning.
    if (page.position.epoch !== epoch || epoch !== this.#shown?.epoch) return
    this.hasOlder = page.older === true
    this.#rows.addOlder(
      page.notices.filter((notice) => this.#isNew(notice)).map((notice) => this.#rowOf(notice, false)),
    )
    this.#options.onChange()
  }

  leave(): void {
    this.#subscription.leave()
  }

  /** The first thing of an interruption is a row that says so. */
  #onState(state: ClientState): void {
    const interruption = this.#interruptions.onState(state)
    if (interruption !== undefined) this.#show([{ kind: 'interruption', interruption }])
  }

  #onNotice(notice: Notice | MemberNotice): void {
    if (this.#shown !== undefined) this.#shown = { ...this.#shown, offset: notice.offset }
    if (this.#isNew(notice)) this.#show([{ ...this.#rowOf(notice, true), seenAtMs: Date.now() }])
  }

  #onGap(reason: GapReason): void {
    this.gaps++
    this.lastGap = { reason, atMs: this.#options.api.clock.fromViewer(Date.now()) }
    this.#show([{ kind: 'gap', reason }])
    // What is shown is of a log that went back, perhaps with the same epoch: its offsets may be those of other notices now.
    if (reason === 'epoch-changed' && this.#shown !== undefined) this.#shown = { epoch: '', offset: 0 }
  }

  /**
   * Reads the log up to `position`, and shows what is not shown yet: its end at first, after a gap what followed the last
   * notice. The client calls it again until it succeeds, and neither tells notices nor is live before.
   */
  async #load(position: Position): Promise<void> {
    const page = await this.#read(position).catch(asApiError)
    this.failure = page instanceof ApiError ? page : undefined
    this.#options.onChange()
    if (page instanceof ApiError) throw page
    // The log was replaced since: a gap waits or follows, and its load. The same position would never succeed.
    if (page.position.epoch !== position.epoch) return
    const isFirst = this.#shown === undefined
    const from = this.#shown?.epoch === position.epoch ? this.#shown.offset : 0
    if (isFirst) this.hasOlder = page.older === true
    this.#shown = position
    const missing = page.notices.filter((notice) => notice.offset > from && this.#isNew(notice))
    this.#show(missing.map((notice) => this.#rowOf(notice, !isFirst)))
  }

  async #read(position: Position) {
    const limit = isFeed(this.room) ? INITIAL_FEED_ROWS : INITIAL_ROOM_ROWS
    return await this.#options.api.notices(this.room, { limit, before: position.offset + 1 })
  }

  /** Returns whether the notice is not shown yet, and takes it for shown. */
  #isNew(notice: Notice | MemberNotice): boolean {
    const identity = identityOf(notice)
    if (this.gaps > 0 && this.#told.has(identity)) return false
    this.#told.add(identity)
    if (this.#told.size > 2 * MAX_ROWS) this.#told = new Set([...this.#told].slice(-MAX_ROWS))
    return true
  }

  #rowOf(notice: Notice | MemberNotice, isNew: boolean): NoticeRow {
    const lateMs = isNew ? this.#interruptions.lateness(notice) : undefined
    const epoch = this.#shown?.epoch ?? ''
    return { kind: 'notice', room: this.room, epoch, notice, ...(lateMs !== undefined && { lateMs }) }
  }

  #show(rows: readonly Row[]): void {
    if (isFeed(this.room)) return this.#options.onFeed(rows)
    if (this.#rows.add(rows)) this.hasOlder = true
    this.#options.onChange()
  }
}
