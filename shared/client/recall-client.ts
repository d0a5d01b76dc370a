import type { Conversation, RecalledAt } from '../recall.ts'
import type { Room } from '../room.ts'
import type {
  ClientError,
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
import { States } from './state.ts'

/** Follows rooms over one connection. Created by `createRecallClient`. */
export class RecallClient {
  readonly #connection: Connection
  readonly #rooms: FollowedRooms
  readonly #events = new Emitter<ClientEvents>()
  readonly #states: States

  constructor({ url, auth, getToken, positions = memoryPositions() }: RecallClientOptions) {
    const onError = (error: ClientError): void => this.#events.emit('error', error)
    const onChange = (): void => this.#states.update()
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
      positions: withErrorsReported(positions, (error) => onError({ source: 'store', error, attempt: 1 })),
      events: this.#events,
      onChange,
    })
    this.#states = new States(this.#connection, () => this.#rooms.summaries())
    this.#connection.open()
  }

  /** The state of the connection and of all rooms together. The event `state` announces each change. */
  get state(): State {
    return this.#states.client.current
  }

  /** Calls `listener` on each event of this name. Returns a function that removes it. */
  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: (value: ClientEvents[Name]) => void,
  ): () => void {
    if (event === 'state') return this.#states.client.on(listener as (state: State) => void)
    return this.#events.on(event, listener)
  }

  /**
   * Calls `listener` with each notice of the room once, in order: first the notices after `since`, or after the stored
   * position, then live ones. Without either, it starts from now. The position advances only after the listener returns and
   * any promise it returned resolves. A room that the gateway refuses is reported by the event `refused`.
   */
  subscribe(room: Room, listener: NoticeListener, { since }: SubscribeOptions = {}): Subscription {
    if (this.#connection.isClosed) throw new Error('this recall client is closed: create another one')
    const followed = this.#rooms.follow(room, since)
    const roomListener = new RoomListener(listener, (error) =>
      this.#events.emit('error', { source: 'listener', error, attempt: 1 }),
    )
    followed.addListener(roomListener)
    const feed = this.#states.follow(() => followed.summary)
    // Not before: what listens to the state may leave the room.
    this.#states.update()
    return {
      room,
      get position() {
        return followed.position
      },
      get state() {
        return feed.current
      },
      leave: () => {
        feed.end()
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

  /**
   * Reconnects with a new credential: after a refusal, or to switch to another one. Rooms resume from their positions. Throws
   * if the client is closed.
   */
  connect(): void {
    if (this.#connection.isClosed) throw new Error('this recall client is closed: create another one')
    this.#connection.open()
    this.#states.update()
  }

  /** Disconnects for good. No listener of a room is called again, and `closed` is the last state. */
  close(): void {
    this.#rooms.close()
    this.#connection.close()
    this.#states.update()
  }
}
