import { createRecallClient } from '../../../shared/client.ts'
import type { RecallClient } from '../../../shared/client.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Api } from './api.ts'
import type { Row } from './feed.ts'
import { follow } from './follow.ts'
import { Interruptions } from './interruptions.ts'
import type { Interruption } from './interruptions.ts'
import type { State } from './shown-state.ts'
import { WatchedRoom } from './watched-room.ts'

/** Interruptions that are remembered, to say which answers of the history may be incomplete. */
const MAX_INTERRUPTIONS = 100

interface WatchedRoomsOptions {
  /** Called for every connection. */
  readonly token: () => string
  readonly api: Api
  /** Called when the state, or anything about a room, may have changed. */
  readonly onChange: () => void
  /** Receives rows for the feed, oldest first. */
  readonly onFeed: (rows: readonly Row[]) => void
}

/** The rooms the page watches on the gateway that served it: the end of each log, and what follows. */
export class WatchedRooms {
  readonly #client: RecallClient
  readonly #options: WatchedRoomsOptions
  readonly #rooms = new Map<string, WatchedRoom>()
  /** Of the connection as a whole. */
  readonly #interruptions: Interruptions
  #past: readonly Interruption[] = []

  constructor(options: WatchedRoomsOptions) {
    this.#options = options
    this.#interruptions = new Interruptions(options.api.clock)
    this.#client = createRecallClient({ url: new URL('.', location.href).href, getToken: options.token })
    this.#client.on('state', () => this.#onState())
    this.#client.on('gap', ({ room, reason }) => this.#rooms.get(roomName(room))?.onGap(reason))
    this.#client.on('recovered', ({ room, count }) => this.#rooms.get(roomName(room))?.onRecovered(count))
    this.#client.on('refused', ({ room, code, message, retry }) => {
      const watched = this.#rooms.get(roomName(room))
      if (watched !== undefined && !retry) watched.refusal = { code, message }
      this.#onState()
    })
  }

  get rooms(): readonly WatchedRoom[] {
    return [...this.#rooms.values()]
  }

  get state(): State {
    const { state } = this.#client
    if (state.kind !== 'live') return state
    const wanted = this.rooms.filter(({ refusal }) => refusal === undefined)
    if (wanted.length === 0) return { kind: 'idle', since: state.since }
    return wanted.every(({ followed }) => followed?.state.kind !== 'loading')
      ? state
      : { ...state, kind: 'loading' }
  }

  /** Whether the gateway refuses the page itself, and not only the rooms that it watches. */
  get isRefused(): boolean {
    const { kind, code } = this.#client.state
    return kind === 'refused' && !this.rooms.some(({ refusal }) => refusal?.code === code)
  }

  /** The interruption in which an answer was read at `atMs`, by the gateway's clock: it may lack recalls. */
  interruptionAt(atMs: number): Interruption | undefined {
    return this.#past.find(({ fromMs, untilMs = Infinity }) => fromMs <= atMs && atMs <= untilMs)
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
    known?.followed?.leave()
    const watched = new WatchedRoom(room, this.#options)
    this.#rooms.set(name, watched)
    watched.followed = follow({
      client: this.#client,
      api: this.#options.api,
      room,
      load: (position) => watched.load(position),
      onNotice: (notice) => {
        watched.onNotice(notice)
        this.#options.onChange()
      },
      onChange: () => this.#onState(),
    })
    this.#onState()
  }

  unwatch(room: Room): void {
    const name = roomName(room)
    this.#rooms.get(name)?.followed?.leave()
    this.#rooms.delete(name)
    this.#options.onChange()
  }

  #onState(): void {
    const { state } = this.#client
    const begun = this.#interruptions.onState(state)
    if (begun !== undefined) this.#past = [...this.#past, begun].slice(-MAX_INTERRUPTIONS)
    for (const watched of this.#rooms.values()) watched.onState(watched.followed?.state ?? state)
    this.#options.onChange()
  }
}
