import type { Conversation, RecalledAt } from '../recall.ts'
import type { Room } from '../room.ts'
import type {
  ClientEvents,
  NoticeListener,
  RecallClientOptions,
  State,
  SubscribeOptions,
  Subscription,
} from './api.ts'
import { Connection } from './connection.ts'
import { credentialOf } from './credential.ts'
import { FollowedRooms } from './followed-rooms.ts'
import { Emitter, RoomListener } from './listeners.ts'
import { memoryPositions, withErrorsReported } from './position-store.ts'
import { lookUpRecalled } from './recalled.ts'

/** Follows rooms over one connection. Created by `createRecallClient`. */
export class RecallClient {
  readonly #connection: Connection
  readonly #rooms: FollowedRooms
  readonly #events = new Emitter<ClientEvents>()
  /** The latest state emitted, as JSON. */
  #emitted = ''

  constructor({ url, auth, getToken, positions = memoryPositions() }: RecallClientOptions) {
    const onError = (error: unknown): void => this.#events.emit('error', error)
    const onChange = (): void => this.#emitState()
    this.#connection = new Connection({
      url,
      credential: credentialOf(auth, getToken),
      onConnect: () => this.#rooms.subscribeAll(),
      onDisconnect: () => this.#rooms.onDisconnect(),
      onGoodbye: (goodbye) => this.#events.emit('goodbye', goodbye),
      onError,
      onChange,
    })
    this.#rooms = new FollowedRooms({
      connection: this.#connection,
      positions: withErrorsReported(positions, onError),
      events: this.#events,
      onChange,
    })
    this.#connection.open()
  }

  /** The state of the connection and of all rooms together. The event `state` announces each change. */
  get state(): State {
    const { refusal, isConnected, hasFailed } = this.#connection
    const since = Date.now()
    if (refusal !== undefined) return { kind: 'refused', since, code: refusal.code, reason: refusal.message }
    if (!isConnected) return { kind: hasFailed ? 'offline' : 'connecting', since }
    return { kind: this.#rooms.areLive ? 'live' : 'catching-up', since }
  }

  /** Calls `listener` on each event of this name. Returns a function that removes it. */
  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: (value: ClientEvents[Name]) => void,
  ): () => void {
    return this.#events.on(event, listener)
  }

  /**
   * Calls `listener` with each notice of the room once, in order: first the notices after `since`, or after the stored
   * position, then live ones. Without either, it starts from now. The position advances only after the listener returns and
   * any promise it returned resolves. A room that the gateway refuses is reported by the event `refused`.
   */
  subscribe(room: Room, listener: NoticeListener, { since }: SubscribeOptions = {}): Subscription {
    const followed = this.#rooms.follow(room, since)
    const roomListener = new RoomListener(listener, (error) => this.#events.emit('error', error))
    followed.addListener(roomListener)
    // Not before: what listens to the state may leave the room.
    this.#emitState()
    const connection = this.#connection
    return {
      room,
      get position() {
        return followed.position
      },
      get state() {
        return followed.isRefused || connection.isConnected ? followed.state : 'offline'
      },
      leave: () => {
        if (followed.removeListener(roomListener) && !followed.hasListeners) this.#rooms.unfollow(followed)
      },
    }
  }

  /**
   * Returns those of `seqs` that are recalled in exactly this conversation, however long ago, with the time of their last
   * recall in ms since 1970. Takes any number of `seqs`, and asks for 1,000 at a time. Rejects with `RequestRefused`.
   */
  async recalled(conversation: Conversation, seqs: readonly number[]): Promise<readonly RecalledAt[]> {
    return lookUpRecalled(this.#connection, conversation, seqs)
  }

  /** Returns whether this message is recalled, however long ago. Rejects with `RequestRefused`. */
  async isRecalled(conversation: Conversation, seq: number): Promise<boolean> {
    return (await this.recalled(conversation, [seq])).length > 0
  }

  /** Reconnects with a new credential: after a refusal, or to switch to another one. Rooms resume from their positions. */
  connect(): void {
    this.#connection.open()
    this.#emitState()
  }

  /** Disconnects for good. No listener of a room is called again. */
  close(): void {
    this.#rooms.close()
    this.#connection.close()
  }

  #emitState(): void {
    const { state } = this
    const text = JSON.stringify({ ...state, since: 0 })
    if (text === this.#emitted) return
    this.#emitted = text
    this.#events.emit('state', state)
  }
}
