import type { Position } from '../position.ts'
import type {
  Gap,
  NoticeBatch,
  RecalledRequest,
  RecalledResponse,
  Refused,
  Subscribed,
  Unsubscribed,
} from '../protocol.ts'
import type { Conversation, RecalledAt } from '../recall.ts'
import { roomName } from '../room.ts'
import type { Room } from '../room.ts'
import { RequestRefused } from './api.ts'
import type {
  ClientEvents,
  NoticeListener,
  RecallClientOptions,
  State,
  SubscribeOptions,
  Subscription,
} from './api.ts'
import { ACK_TIMEOUT_MS, Connection } from './connection.ts'
import type { Credential } from './credential.ts'
import { FollowedRoom } from './followed-room.ts'
import { Emitter, RoomListener } from './listeners.ts'
import { memoryPositions, withErrorsReported } from './position-store.ts'
import type { PositionStore } from './position-store.ts'
import { SubscribeQueue } from './subscribe-queue.ts'

/** The protocol's limit. */
const SEQS_PER_REQUEST = 1_000

/** Follows rooms over one connection. Created by `createRecallClient`. */
export class RecallClient {
  readonly #connection: Connection
  readonly #positions: PositionStore
  readonly #rooms = new Map<string, FollowedRoom>()
  readonly #events = new Emitter<ClientEvents>()
  readonly #queue: SubscribeQueue
  /** The latest state emitted, as JSON. */
  #emitted = ''

  constructor({ url, auth, getToken, positions = memoryPositions() }: RecallClientOptions) {
    this.#positions = withErrorsReported(positions, (error) => this.#events.emit('error', error))
    this.#connection = new Connection({
      url,
      credential: credentialOf(auth, getToken),
      onConnect: () => {
        for (const followed of this.#rooms.values()) {
          // The new credential may grant rooms that the last one did not.
          followed.refusal = undefined
          this.#queue.add(followed)
        }
      },
      onDisconnect: () => {
        for (const followed of this.#rooms.values()) {
          this.#queue.remove(followed)
          followed.leave()
        }
      },
      onGoodbye: (goodbye) => this.#events.emit('goodbye', goodbye),
      onError: (error) => this.#events.emit('error', error),
      onChange: () => this.#emitState(),
    })
    const { socket } = this.#connection
    this.#queue = new SubscribeQueue(socket, (followed, response) => this.#onResponse(followed, response))
    socket.on('messages-recalled', (batch) => this.#onBatch(batch))
    socket.on('gap', (gap) => this.#onGap(gap))
    socket.on('unsubscribed', (unsubscribed) => this.#onUnsubscribed(unsubscribed))
    this.#connection.open()
  }

  /** The state of the connection and of all rooms together. The event `state` announces each change. */
  get state(): State {
    const { refusal, isConnected, hasFailed } = this.#connection
    if (refusal !== undefined) return { kind: 'refused', ...refusal }
    if (!isConnected) return { kind: hasFailed ? 'offline' : 'connecting' }
    const isLive = [...this.#rooms.values()].every((room) => room.isRefused || room.isLive)
    return { kind: isLive ? 'live' : 'catching-up' }
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
    const followed = this.#follow(room, since)
    const roomListener = new RoomListener(listener, (error) => this.#events.emit('error', error))
    followed.listeners.add(roomListener)
    const stateOf = (): Subscription['state'] => {
      if (followed.isRefused) return 'refused'
      if (!this.#connection.isConnected) return 'offline'
      return followed.isLive ? 'live' : 'catching-up'
    }
    return {
      room,
      get position() {
        return followed.position
      },
      get state() {
        return stateOf()
      },
      leave: () => {
        roomListener.leave()
        if (followed.listeners.delete(roomListener) && followed.listeners.size === 0) this.#unfollow(followed)
      },
    }
  }

  /**
   * Returns those of `seqs` that are recalled in exactly this conversation, however long ago, with the time of their last
   * recall in ms since 1970. Takes any number of `seqs`, and asks for 1,000 at a time. Rejects with `RequestRefused`.
   */
  async recalled(conversation: Conversation, seqs: readonly number[]): Promise<readonly RecalledAt[]> {
    const found: RecalledAt[] = []
    for (let i = 0; i < seqs.length; i += SEQS_PER_REQUEST) {
      const request = { ...conversation, seqs: seqs.slice(i, i + SEQS_PER_REQUEST) }
      found.push(...(await this.#requestRecalled(request)))
    }
    return found
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
    for (const followed of this.#rooms.values()) this.#queue.remove(followed)
    for (const { listeners } of this.#rooms.values()) for (const listener of listeners) listener.leave()
    this.#rooms.clear()
    this.#connection.close()
  }

  #follow(room: Room, since: Position | undefined): FollowedRoom {
    const name = roomName(room)
    let followed = this.#rooms.get(name)
    if (followed !== undefined && !followed.isRefused) return followed
    followed ??= this.#create(room, since)
    followed.refusal = undefined
    this.#queue.add(followed)
    this.#emitState()
    return followed
  }

  #create(room: Room, since: Position | undefined): FollowedRoom {
    const name = roomName(room)
    const followed: FollowedRoom = new FollowedRoom(room, since ?? this.#positions.load(name), {
      onHandled: (position) => this.#positions.save(name, position),
      onDrained: () => this.#onDrained(followed),
    })
    this.#rooms.set(name, followed)
    return followed
  }

  #unfollow(followed: FollowedRoom): void {
    const { room } = followed
    this.#queue.remove(followed)
    if (this.#isFollowed(followed)) this.#rooms.delete(roomName(room))
    // While disconnected, Socket.IO would buffer it and send it on connect, when the room may be followed again.
    if (this.#connection.isConnected) this.#connection.socket.emit('unsubscribe', room, () => undefined)
    this.#emitState()
  }

  #onResponse(followed: FollowedRoom, response: Subscribed | Refused | undefined): void {
    if (!this.#isFollowed(followed)) return
    if (response === undefined) return this.#queue.addLater(followed)
    if (!response.ok) return this.#onRefused(followed, response)
    const { room } = followed
    followed.enter(response)
    this.#queue.watch(followed)
    if (response.gap !== undefined) {
      this.#events.emit('gap', { room, reason: response.gap, position: response.position })
    } else if (response.recovered > 0) this.#events.emit('recovered', { room, count: response.recovered })
    this.#emitState()
  }

  #onRefused(followed: FollowedRoom, { code, message, retry }: Refused | Unsubscribed): void {
    followed.leave()
    followed.refusal = { code, message, retry }
    this.#queue.remove(followed)
    if (retry) this.#queue.addLater(followed)
    this.#events.emit('refused', { room: followed.room, code, message, retry })
    this.#emitState()
  }

  #onBatch(batch: NoticeBatch): void {
    const followed = this.#rooms.get(roomName(batch.room))
    if (followed === undefined) return
    if (followed.receive(batch) === 'hole') return this.#queue.addLater(followed)
    if (followed.isFull) {
      followed.leave()
      this.#queue.remove(followed)
      this.#connection.socket.emit('unsubscribe', followed.room, () => undefined)
    } else this.#queue.watch(followed)
    this.#emitState()
  }

  /** Returns to the room if the client left it because listeners were too far behind. */
  #onDrained(followed: FollowedRoom): void {
    if (!this.#isFollowed(followed)) return
    if (!followed.isActive && !followed.isRefused) this.#queue.add(followed)
    this.#emitState()
  }

  #onGap({ room, reason, position }: Gap): void {
    const followed = this.#rooms.get(roomName(room))
    if (followed === undefined) return
    followed.skipTo(position)
    this.#events.emit('gap', { room: followed.room, reason, position })
    this.#emitState()
  }

  #onUnsubscribed(unsubscribed: Unsubscribed): void {
    const followed = this.#rooms.get(roomName(unsubscribed.room))
    if (followed !== undefined) this.#onRefused(followed, unsubscribed)
  }

  async #requestRecalled(request: RecalledRequest): Promise<readonly RecalledAt[]> {
    const { socket } = this.#connection
    const noResponse = { code: 'NO_ANSWER', message: 'the gateway did not respond', retry: true }
    if (!socket.connected) throw new RequestRefused(noResponse)
    const response = (await socket
      .timeout(ACK_TIMEOUT_MS)
      .emitWithAck('recalled', request)
      .catch(() => undefined)) as RecalledResponse | Refused | undefined
    if (response?.ok) return response.recalled
    throw new RequestRefused(response ?? noResponse)
  }

  #isFollowed(followed: FollowedRoom): boolean {
    return this.#rooms.get(roomName(followed.room)) === followed
  }

  #emitState(): void {
    const { state } = this
    const text = JSON.stringify(state)
    if (text === this.#emitted) return
    this.#emitted = text
    this.#events.emit('state', state)
  }
}

function credentialOf(
  auth: RecallClientOptions['auth'],
  getToken: RecallClientOptions['getToken'],
): () => Credential | Promise<Credential> {
  if (getToken !== undefined) return async () => ({ token: await getToken() })
  if (typeof auth === 'function') return auth
  if (auth !== undefined) return () => auth
  throw new TypeError('a recall client needs `auth` or `getToken`')
}
