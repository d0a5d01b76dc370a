import { createRecallClient } from '../../../shared/client.ts'
import type { RecallClient } from '../../../shared/client.ts'
import { FEED, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Api } from './api.ts'
import type { Row } from './feed.ts'
import { Interruptions } from './interruptions.ts'
import type { Interruption } from './interruptions.ts'
import type { State } from './shown-state.ts'
import { WatchedRoom } from './watched-room.ts'

/** As the gateway would say. */
const NO_JWT = 'the credential is missing or invalid: it is no JWT'
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
    this.#client.on('state', (state) => {
      const begun = this.#interruptions.onState(state)
      if (begun !== undefined) this.#past = [...this.#past, begun].slice(-MAX_INTERRUPTIONS)
      options.onChange()
    })
    // All others are in the state.
    this.#client.on('error', () => options.onChange())
  }

  get rooms(): readonly WatchedRoom[] {
    return [...this.#rooms.values()]
  }

  /** Whether the log of the feed held more than was read at first. */
  get hasOlderFeed(): boolean {
    return this.#rooms.get(roomName(FEED))?.hasOlder === true
  }

  get state(): State {
    const { state } = this.#client
    // The client asks for another token until it has a good one. Here, there is none until a person enters it.
    if (state.kind === 'offline' && state.code === 'NO_CREDENTIAL')
      return { kind: 'refused', since: state.since, code: 'TOKEN_REFUSED', reason: NO_JWT }
    if (state.kind === 'offline' && state.code === 'TOKEN_EXPIRED')
      return { kind: 'refused', since: state.since, code: state.code, reason: state.reason ?? '' }
    if (state.kind === 'live' && this.#rooms.size === 0) return { kind: 'idle', since: state.since }
    const failure = this.rooms.find((watched) => watched.failure !== undefined)?.failure
    return state.kind === 'loading' && failure !== undefined
      ? { ...state, code: failure.code, reason: failure.message }
      : state
  }

  /** The room, if it is watched. */
  find(room: Room): WatchedRoom | undefined {
    return this.#rooms.get(roomName(room))
  }

  /** Whether the gateway refuses the page itself, and not only the rooms that it watches. */
  get isRefused(): boolean {
    const { state } = this
    return state.kind === 'refused' && !this.rooms.some(({ refusal }) => refusal?.code === state.code)
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
    known?.leave()
    this.#rooms.set(name, new WatchedRoom(room, { ...this.#options, client: this.#client }))
    this.#options.onChange()
  }

  unwatch(room: Room): void {
    const name = roomName(room)
    this.#rooms.get(name)?.leave()
    this.#rooms.delete(name)
    this.#options.onChange()
  }
}
