import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type {
  ClientToServer,
  Gap,
  Goodbye,
  HandshakeRefusal,
  NoticeBatch,
  Refused,
  ServerToClient,
  Subscribed,
} from '../../shared/protocol.ts'
import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Row } from './row.ts'
import { WatchedRoom } from './watched-room.ts'

/** A room that is not live by then is asked for again. */
const LIVE_WITHIN_MS = 5_000
const COME_BACK_AFTER_MS = 1_000
const COME_BACK_AT_LEAST_MS = 100
/** Goodbyes from here on mean: stay away until a person has done something. */
const STAY_AWAY_FROM = 4_500

/** `live` is said only while connected and subscribed to every watched room, with nothing left to recover. */
export type State =
  | { readonly kind: 'connecting' | 'live' | 'idle' | 'offline' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

interface ConnectionOptions {
  /** Asked anew for every handshake. */
  readonly token: () => string | undefined
  /** Something happened: `state` or `rooms` may have changed, and these rows are to be shown, oldest first. */
  readonly onChange: (rows: readonly Row[]) => void
}

/** The connection to the gateway that served the page, and the rooms watched through it. */
export class Connection {
  readonly #socket: Socket<ServerToClient, ClientToServer>
  readonly #onChange: ConnectionOptions['onChange']
  readonly #rooms = new Map<string, WatchedRoom>()
  #refusal: Extract<State, { kind: 'refused' }> | undefined
  #lost = false

  constructor({ token, onChange }: ConnectionOptions) {
    this.#onChange = onChange
    this.#socket = io({
      transports: ['websocket'],
      autoConnect: false,
      reconnectionDelay: COME_BACK_AFTER_MS,
      auth: (show) => show({ token: token() }),
    })
    this.#socket.on('connect', () => this.#onConnect())
    this.#socket.on('connect_error', (error) => this.#onConnectError(error))
    this.#socket.on('disconnect', (reason) => this.#onDisconnect(reason))
    this.#socket.on('messages-recalled', (batch) => this.#onBatch(batch))
    this.#socket.on('gap', (gap) => this.#onGap(gap))
    this.#socket.on('goodbye', (goodbye) => this.#onGoodbye(goodbye))
  }

  get rooms(): readonly WatchedRoom[] {
    return [...this.#rooms.values()]
  }

  get state(): State {
    if (this.#refusal !== undefined) return this.#refusal
    if (!this.#socket.connected) return { kind: this.#lost ? 'offline' : 'connecting' }
    const watched = this.rooms.filter(({ isRefused }) => !isRefused)
    if (watched.length === 0) return { kind: 'idle' }
    return { kind: watched.every(({ isLive }) => isLive) ? 'live' : 'connecting' }
  }

  /** Connects with the token as it is now, also when connected already; rooms go on from their positions. */
  connect(): void {
    this.#refusal = undefined
    this.#lost = false
    for (const watched of this.#rooms.values()) watched.refusal = undefined
    this.#socket.disconnect().connect()
    this.#onChange([])
  }

  watch(room: Room): void {
    const name = roomName(room)
    const known = this.#rooms.get(name)
    if (known !== undefined && !known.isRefused) return
    const watched = new WatchedRoom(room)
    this.#rooms.set(name, watched)
    this.#subscribe(watched)
    this.#onChange([])
  }

  unwatch(room: Room): void {
    const name = roomName(room)
    clearTimeout(this.#rooms.get(name)?.retry)
    this.#rooms.delete(name)
    // Emitted while not connected, it would be sent later, when the room may be watched again.
    if (this.#socket.connected) this.#socket.emit('unsubscribe', room, () => undefined)
    this.#onChange([])
  }

  #subscribe(watched: WatchedRoom): void {
    watched.leave()
    clearTimeout(watched.retry)
    if (!this.#socket.connected) return
    this.#socket.emit('subscribe', watched.ask, (answer) => this.#onAnswer(watched, answer))
    // One remedy for an answer that is lost, a refusal that may pass, and recovered notices that do not come.
    watched.retry = setTimeout(() => {
      if (!watched.isLive && !watched.isRefused) this.#subscribe(watched)
    }, LIVE_WITHIN_MS)
  }

  #onAnswer(watched: WatchedRoom, answer: Subscribed | Refused): void {
    const { room } = watched
    if (this.#rooms.get(roomName(room)) !== watched) return
    if (!answer.ok) {
      watched.refusal = answer
      return this.#onChange([])
    }
    watched.enter(answer)
    const { gap, recovered } = answer
    this.#onChange([
      ...(gap === undefined ? [] : [{ kind: 'gap', room, reason: gap } as const]),
      ...(recovered === 0 ? [] : [{ kind: 'recovered', room, count: recovered } as const]),
    ])
  }

  #onBatch(batch: NoticeBatch): void {
    const watched = this.#rooms.get(roomName(batch.room))
    if (watched === undefined) return
    const { run, hole } = watched.take(batch)
    if (hole) this.#subscribe(watched)
    this.#onChange(run.map((notice) => ({ kind: 'notice', room: watched.room, notice })))
  }

  #onGap({ room, reason, position }: Gap): void {
    const watched = this.#rooms.get(roomName(room))
    if (watched === undefined) return
    watched.jump(position)
    this.#onChange([{ kind: 'gap', room, reason }])
  }

  #onGoodbye(goodbye: Goodbye): void {
    const { code, reason, retryInMs } = goodbye
    if (code >= STAY_AWAY_FROM) {
      this.#refusal = { kind: 'refused', code: String(code), message: reason }
      this.#socket.disconnect()
    } else if (retryInMs !== undefined) {
      this.#socket.io.reconnectionDelay(Math.max(retryInMs, COME_BACK_AT_LEAST_MS))
    }
    this.#onChange([{ kind: 'goodbye', goodbye }])
  }

  #onConnect(): void {
    this.#lost = false
    this.#socket.io.reconnectionDelay(COME_BACK_AFTER_MS)
    for (const watched of this.#rooms.values()) if (!watched.isRefused) this.#subscribe(watched)
    this.#onChange([])
  }

  #onDisconnect(reason: string): void {
    this.#lost = true
    for (const watched of this.#rooms.values()) watched.leave()
    if (reason === 'io server disconnect') this.#comeBack()
    this.#onChange([])
  }

  #onConnectError(error: Error & { readonly data?: Partial<HandshakeRefusal> }): void {
    const { code = 'REFUSED', retry = false } = error.data ?? {}
    if (this.#socket.active || retry) this.#lost = true
    else this.#refusal = { kind: 'refused', code, message: error.message }
    if (!this.#socket.active && retry) this.#comeBack()
    this.#onChange([])
  }

  /** For the ends after which Socket.IO does not come back by itself. */
  #comeBack(): void {
    setTimeout(() => {
      if (!this.#socket.active && this.#refusal === undefined) this.#socket.connect()
    }, COME_BACK_AFTER_MS)
  }
}
