import type { Conversation } from '../conversation.ts'
import type { Room } from '../room.ts'
import { checkFunction, roomOf, sinceOf } from './arguments.ts'
import type {
  ClientError,
  ClientEvents,
  RecallClientOptions,
  State,
  SubscribeOptions,
  Subscription,
} from './api.ts'
import { Connection } from './connection.ts'
import { credentialOf } from './credential.ts'
import { Credentials } from './credentials.ts'
import { FollowedRooms } from './followed-rooms.ts'
import { Emitter } from './listeners.ts'
import type { MessageName, NoticeListener, RecalledAt } from './notices.ts'
import { memoryPositions } from './position-store.ts'
import { lookUpRecalled } from './recalled.ts'
import { States } from './state.ts'

/** Follows rooms over one connection. Created by `createRecallClient`. */
export class RecallClient {
  /** Keeps Vue from wrapping the client in a proxy, through which nothing private can be reached. */
  readonly [Symbol.toStringTag] = 'RecallClient'
  readonly #connection: Connection
  readonly #rooms: FollowedRooms
  readonly #events = new Emitter<ClientEvents>({ error: writeToConsole })
  readonly #states: States

  constructor({ url, auth, getToken, positions = memoryPositions() }: RecallClientOptions) {
    const onError = (error: ClientError): void => this.#events.emit('error', error)
    const onChange = (room?: Room): void => this.#update(room)
    this.#connection = new Connection({
      url,
      credentials: new Credentials({
        ask: credentialOf(auth, getToken),
        isFixed: auth !== undefined && typeof auth !== 'function',
      }),
      offer: (packet) => this.#rooms.offer(packet),
      onConnect: () => this.#rooms.subscribeAll(),
      onDisconnect: () => this.#rooms.onDisconnect(),
      onRefreshed: () => this.#rooms.retryRefused(),
      onProved: (rooms) => this.#rooms.onProved(rooms),
      onGoodbye: (goodbye) => this.#events.emit('goodbye', goodbye),
      onError,
      onChange,
    })
    this.#rooms = new FollowedRooms({
      connection: this.#connection,
      positions,
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
    listener: (value: ClientEvents[Name]) => unknown,
  ): () => void {
    checkFunction(`the listener of \`${event}\``, listener)
    if (event === 'state') return this.#states.client.on(listener as (state: State) => unknown)
    const off = this.#events.on(event, listener)
    if (event === 'gap') this.#rooms.retryGaps()
    return off
  }

  /**
   * Calls `onNotice` with each notice of the room once, in order: those after `since`, or what follows `load`. Without either,
   * it starts from the stored position, and if none is stored, or the client follows the room already, from now. The
   * subscription's position advances only after `onNotice` returns and any promise it returned resolves. A room that the
   * gateway refuses is reported by the event `refused`. Throws a TypeError if the room or an option is none, and an Error if
   * the client is closed.
   */
  subscribe<R extends Room>(
    room: R,
    onNotice: NoticeListener<[R][R extends unknown ? 0 : never]>,
    options: SubscribeOptions = {},
  ): Subscription {
    this.#checkOpen()
    const where = roomOf(room)
    checkFunction('the second argument of `subscribe`, which receives the notices,', onNotice)
    const since = sinceOf(options.since)
    const load = options.load ?? undefined
    if (load !== undefined) checkFunction('`load`', load)
    const { listener, summary, leave } = this.#rooms.follow(where, onNotice as (notice: unknown) => unknown, {
      since,
      load,
    })
    const state = this.#states.follow(summary)
    // Not before: what listens to the state may leave the room.
    this.#update(where)
    return {
      room: where,
      get position() {
        return listener.place
      },
      get state() {
        return state.current
      },
      on: (event, handler) => {
        checkFunction(`the listener of \`${event}\``, handler)
        if (event === 'state') return state.on(handler as (state: State) => unknown)
        const off = listener.events.on(event, handler)
        if (event === 'gap') listener.retryGap()
        return off
      },
      leave: () => {
        leave()
        // First: nobody wants to hear what a subscription that is over would be.
        state.end()
        this.#update(where)
      },
    }
  }

  /**
   * Returns those of the messages that are recalled in exactly this conversation, however long ago, with the time of their last
   * recall in ms since 1970. Messages of a group are named by their seqs, all others by their keys. Takes any number, and asks
   * for up to 1,000 at a time. Rejects with `RequestRefused`.
   */
  async recalled<C extends Conversation>(
    conversation: C,
    names: readonly MessageName<C>[],
  ): Promise<readonly RecalledAt<C>[]> {
    return (await lookUpRecalled(this.#connection, conversation, names)) as readonly RecalledAt<C>[]
  }

  /** Returns whether this message is recalled, however long ago. Rejects with `RequestRefused`. */
  async isRecalled<C extends Conversation>(conversation: C, name: MessageName<C>): Promise<boolean> {
    return (await this.recalled(conversation, [name])).length > 0
  }

  /**
   * Reconnects with a new credential: after a refusal, or to switch to another one. Rooms resume from their positions. Throws
   * an Error if the client is closed.
   */
  connect(): void {
    this.#checkOpen()
    this.#connection.open()
  }

  /** Disconnects for good. No listener of a room is called again, and `closed` is the last state that is told. */
  close(): void {
    this.#rooms.close()
    this.#connection.close()
    this.#update()
  }

  /** Announces what has changed: in one room and for the client, or everywhere. */
  #update(room?: Room): void {
    this.#rooms.onAnnounced(room)
    this.#states.update(room)
  }

  #checkOpen(): void {
    if (this.#connection.isClosed) throw new Error('this client is closed: create another one')
  }
}

function writeToConsole({ source, error }: ClientError): void {
  console.error(`recall client: an error (${source}) that nothing listens to; it is tried again:`, error)
}
