import type { Position } from '../position.ts'
import type { Gap, NoticeBatch, Refused, Subscribed, Unsubscribed } from '../protocol.ts'
import type { Conversation, RecalledAt } from '../recall.ts'
import { roomName } from '../room.ts'
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
import { FollowedRoom, isNext } from './followed-room.ts'
import { Emitter, RoomListener } from './listeners.ts'
import { memoryPositions, withErrorsReported } from './position-store.ts'
import type { PositionStore } from './position-store.ts'
import { lookUpRecalled } from './recalled.ts'
import { SubscribeQueue } from './subscribe-queue.ts'

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
        for (const followed of this.#rooms.values()) this.#queue.remove(followed)
      },
      onGoodbye: (goodbye) => this.#events.emit('goodbye', goodbye),
      onError: (error) => this.#events.emit('error', error),
      onChange: () => this.#emitState(),
    })
    const { socket, requests, silence } = this.#connection
    this.#queue = new SubscribeQueue(socket, requests, silence, (followed, response) =>
      this.#onResponse(followed, response),
    )
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
        if (followed.removeListener(roomListener) && !followed.hasListeners) this.#unfollow(followed)
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
    for (const followed of this.#rooms.values()) {
      this.#queue.remove(followed)
      followed.removeAllListeners()
    }
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
    return followed
  }

  #create(room: Room, since: Position | undefined): FollowedRoom {
    const name = roomName(room)
    const start = { position: since ?? this.#positions.load(name), isResumed: since === undefined }
    const followed: FollowedRoom = new FollowedRoom(room, start, {
      onHandled: (position) => this.#onHandled(followed, position),
      onDrained: () => this.#onDrained(followed),
    })
    this.#rooms.set(name, followed)
    return followed
  }

  #unfollow(followed: FollowedRoom): void {
    this.#queue.remove(followed)
    if (this.#isFollowed(followed)) this.#rooms.delete(roomName(followed.room))
    this.#sendUnsubscribe(followed)
    this.#emitState()
  }

  /**
   * Stores how far the listeners of a room are. If the last of them has left before it was done, what it has handled counts
   * only while the stored position is still the one before: it never moves back.
   */
  #onHandled(followed: FollowedRoom, position: Position): void {
    const name = roomName(followed.room)
    if (!this.#isFollowed(followed)) {
      if (!isNext(this.#positions.load(name), position)) return
      const followedNow = this.#rooms.get(name)
      if (followedNow?.isResumed) followedNow.skipHandled(position)
    }
    this.#positions.save(name, position)
  }

  #onResponse(followed: FollowedRoom, response: Subscribed | Refused | undefined): void {
    if (response === undefined) return this.#queue.addLater(followed)
    if (!response.ok) return this.#onRefused(followed, response)
    const { room } = followed
    const { gap: reason, position } = response
    // First told, then passed: the position moves once the listeners have run.
    if (reason !== undefined) this.#events.emit('gap', { room, reason, position })
    if (!this.#isFollowed(followed)) return
    const count = followed.enter(response)
    this.#queue.watch(followed)
    if (count > 0) this.#events.emit('recovered', { room, count })
    this.#emitState()
  }

  #onRefused(followed: FollowedRoom, { code, message, retry }: Refused | Unsubscribed): void {
    this.#queue.remove(followed)
    followed.refusal = { code, message, retry }
    if (retry) this.#queue.addLater(followed)
    this.#events.emit('refused', { room: followed.room, code, message, retry })
    this.#emitState()
  }

  #onBatch(batch: NoticeBatch): void {
    const followed = this.#rooms.get(roomName(batch.room))
    if (followed === undefined) return
    const outcome = followed.receive(batch)
    // A listener may have left the room, or closed the client.
    if (!this.#isFollowed(followed)) return
    if (outcome === 'hole') this.#queue.addLater(followed)
    else if (followed.isFull) {
      this.#queue.remove(followed)
      this.#sendUnsubscribe(followed)
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
    // A gap in a subscription that has ended: the response to the next request will say it again.
    if (followed === undefined || !followed.isSubscribed) return
    if (!followed.canSkipTo(position)) return this.#queue.addLater(followed)
    this.#events.emit('gap', { room: followed.room, reason, position })
    if (!followed.isSubscribed) return
    followed.skipTo(position)
    this.#queue.watch(followed)
    this.#emitState()
  }

  #onUnsubscribed(unsubscribed: Unsubscribed): void {
    const followed = this.#rooms.get(roomName(unsubscribed.room))
    if (followed !== undefined) this.#onRefused(followed, unsubscribed)
  }

  /** While disconnected, Socket.IO would keep it for the next connection, when the room may be followed again. */
  #sendUnsubscribe({ room }: FollowedRoom): void {
    if (this.#connection.isConnected) this.#connection.socket.emit('unsubscribe', room, () => undefined)
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
