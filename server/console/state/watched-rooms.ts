import { createRecallClient } from '../../../shared/client.ts'
import type { RecallClient, State as ClientState, Subscription } from '../../../shared/client.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason } from '../../../shared/position.ts'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { ApiError, asApiError } from './api.ts'
import type { Api } from './api.ts'
import type { Row } from './feed.ts'

/** How much of a log is shown at first. The feed is a view of its own; other rooms show their latest recalls. */
const INITIAL_FEED_ROWS = 1_000
const INITIAL_ROOM_ROWS = 20
const MAX_LATEST_RECALLS = 20
/** How long to wait before reading a log again after a failure. */
const READ_RETRY_MS = 2_000

/** The client's state, and `idle`: connected, but no rooms watched. */
export type State = ClientState | { readonly kind: 'idle' }

/** A room the page watches. */
export interface WatchedRoom {
  readonly room: Room
  /** Defined once its log has been read. */
  subscription?: Subscription
  /** Whether its log is being read or has been read. */
  isLoading: boolean
  /** Whether it has been live: only then can notices be recovered. */
  wasLive: boolean
  /** Why the gateway refused the subscription, for good. */
  refusal: { readonly code: string; readonly message: string } | undefined
  /** How many notices came late because the page was not connected. */
  recovered: number
  gaps: number
  lastGap: { readonly reason: GapReason; readonly atMs: number } | undefined
  /** Newest first. */
  latest: readonly (Notice | MemberNotice)[]
}

interface WatchedRoomsOptions {
  /** Called for every connection. */
  readonly token: () => string
  readonly api: Api
  /** Called when the state, or anything about a room, may have changed. */
  readonly onChange: () => void
  /** Receives rows for the feed, oldest first. */
  readonly onFeed: (rows: readonly Row[]) => void
}

/**
 * The rooms the page watches on the gateway that served it. Reads the end of each log first, then subscribes from there, so
 * that nothing is missed or shown twice while the page loads or reloads.
 */
export class WatchedRooms {
  readonly #client: RecallClient
  readonly #options: WatchedRoomsOptions
  readonly #rooms = new Map<string, WatchedRoom>()

  constructor(options: WatchedRoomsOptions) {
    this.#options = options
    this.#client = createRecallClient({ url: new URL('.', location.href).href, getToken: options.token })
    this.#client.on('state', () => this.#onState())
    this.#client.on('gap', ({ room, reason }) => this.#onGap(room, reason))
    this.#client.on('recovered', ({ room, count }) => this.#onRecovered(room, count))
    this.#client.on('goodbye', (goodbye) => options.onFeed([{ kind: 'goodbye', goodbye }]))
    this.#client.on('refused', ({ room, code, message, retry }) => {
      const watched = this.#rooms.get(roomName(room))
      if (watched !== undefined && !retry) watched.refusal = { code, message }
      options.onChange()
    })
  }

  get rooms(): readonly WatchedRoom[] {
    return [...this.#rooms.values()]
  }

  get state(): State {
    const { state } = this.#client
    if (state.kind !== 'live') return state
    const wanted = this.rooms.filter(({ refusal }) => refusal === undefined)
    if (wanted.length === 0) return { kind: 'idle' }
    return wanted.every(({ subscription }) => subscription !== undefined)
      ? state
      : { ...state, kind: 'catching-up' }
  }

  /** Connects with the current token, even if already connected. Rooms resume from their positions. */
  connect(): void {
    for (const watched of this.#rooms.values()) watched.refusal = undefined
    this.#client.connect()
  }

  watch(room: Room): void {
    const name = roomName(room)
    const known = this.#rooms.get(name)
    if (known !== undefined && known.refusal === undefined) return
    known?.subscription?.leave()
    this.#rooms.set(name, {
      room,
      isLoading: false,
      wasLive: false,
      refusal: undefined,
      recovered: 0,
      gaps: 0,
      lastGap: undefined,
      latest: [],
    })
    this.#onState()
  }

  unwatch(room: Room): void {
    const name = roomName(room)
    this.#rooms.get(name)?.subscription?.leave()
    this.#rooms.delete(name)
    this.#options.onChange()
  }

  get #isConnected(): boolean {
    const { kind } = this.#client.state
    return kind === 'live' || kind === 'catching-up'
  }

  #onState(): void {
    for (const watched of this.#rooms.values()) {
      if (watched.subscription?.state.kind === 'live') watched.wasLive = true
      if (watched.subscription === undefined && !watched.isLoading && this.#isConnected)
        void this.#follow(watched)
    }
    this.#options.onChange()
  }

  /** Reads the end of the room's log, then subscribes from there. */
  async #follow(watched: WatchedRoom): Promise<void> {
    const { room } = watched
    watched.isLoading = true
    const limit = isFeed(room) ? INITIAL_FEED_ROWS : INITIAL_ROOM_ROWS
    const page = await this.#options.api.notices(room, { limit }).catch(asApiError)
    if (this.#rooms.get(roomName(room)) !== watched) return
    if (page instanceof ApiError && (page.isTransient || !this.#isConnected)) {
      // Subscribe only after the log has been read: what arrives meanwhile is in the log, so nothing is missed.
      watched.isLoading = false
      if (this.#isConnected) setTimeout(() => this.#onState(), READ_RETRY_MS)
      return
    }
    // On a final refusal, the subscription reports why.
    const history = page instanceof ApiError ? undefined : page
    if (history !== undefined)
      this.#show(
        watched,
        history.notices.map((notice) => ({ kind: 'notice', room, notice })),
      )
    watched.subscription = this.#client.subscribe(
      room,
      (notice) => {
        watched.wasLive = true
        this.#show(watched, [{ kind: 'notice', room, notice, seenAtMs: Date.now() }])
      },
      history && { since: history.position },
    )
    this.#onState()
  }

  #onGap(room: Room, reason: GapReason): void {
    const watched = this.#rooms.get(roomName(room))
    if (watched === undefined) return
    watched.gaps++
    watched.lastGap = { reason, atMs: Date.now() }
    this.#show(watched, [{ kind: 'gap', reason }])
  }

  #onRecovered(room: Room, count: number): void {
    const watched = this.#rooms.get(roomName(room))
    if (watched === undefined || !watched.wasLive) return
    watched.recovered += count
    this.#show(watched, [{ kind: 'recovered', count }])
  }

  #show(watched: WatchedRoom, rows: readonly Row[]): void {
    if (isFeed(watched.room)) return this.#options.onFeed(rows)
    const notices = rows.flatMap((row) => (row.kind === 'notice' ? row.notice : []))
    watched.latest = [...notices.toReversed(), ...watched.latest].slice(0, MAX_LATEST_RECALLS)
    this.#options.onChange()
  }
}
