import type { Position } from '../position.ts'
import type { Gap, NoticeBatch, Refused, Subscribed, Unsubscribed } from '../protocol.ts'
import { roomName } from '../room.ts'
import type { Room } from '../room.ts'
import type { ClientEvents } from './api.ts'
import type { Connection } from './connection.ts'
import { FollowedRoom, isNext } from './followed-room.ts'
import type { Emitter } from './listeners.ts'
import type { PositionStore } from './position-store.ts'
import type { RoomSummary } from './state.ts'
import { SubscribeQueue } from './subscribe-queue.ts'

interface FollowedRoomsOptions {
  readonly connection: Connection
  readonly positions: PositionStore
  readonly events: Emitter<ClientEvents>
  /** The state of a room may have changed. */
  readonly onChange: () => void
}

/** The rooms that a client follows over its connection: passes on what the node says of each, and stores how far it is. */
export class FollowedRooms {
  readonly #connection: Connection
  readonly #positions: PositionStore
  readonly #events: Emitter<ClientEvents>
  readonly #onChange: () => void
  readonly #rooms = new Map<string, FollowedRoom>()
  readonly #queue: SubscribeQueue

  constructor({ connection, positions, events, onChange }: FollowedRoomsOptions) {
    this.#connection = connection
    this.#positions = positions
    this.#events = events
    this.#onChange = onChange
    const { socket, requests, silence } = connection
    this.#queue = new SubscribeQueue(socket, requests, silence, (followed, response) =>
      this.#onResponse(followed, response),
    )
    socket.on('messages-recalled', (batch) => this.#onBatch(batch))
    socket.on('gap', (gap) => this.#onGap(gap))
    socket.on('unsubscribed', (unsubscribed) => this.#onUnsubscribed(unsubscribed))
  }

  summaries(): Iterable<RoomSummary> {
    return [...this.#rooms.values()].map(({ summary }) => summary)
  }

  /** To be called once connected. */
  subscribeAll(): void {
    for (const followed of this.#rooms.values()) {
      // The new credential may grant rooms that the last one did not.
      followed.refusal = undefined
      this.#queue.add(followed)
    }
  }

  /** To be called once disconnected. */
  onDisconnect(): void {
    for (const followed of this.#rooms.values()) this.#queue.remove(followed)
  }

  /** Leaves every room for good. */
  close(): void {
    for (const followed of this.#rooms.values()) {
      this.#queue.remove(followed)
      followed.removeAllListeners()
    }
    this.#rooms.clear()
  }

  /** Follows a room, or goes on following it. `since` is where to begin, instead of the stored position. */
  follow(room: Room, since: Position | undefined): FollowedRoom {
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

  /** Leaves a room that nobody listens to any more. */
  unfollow(followed: FollowedRoom): void {
    this.#queue.remove(followed)
    if (this.#isFollowed(followed)) this.#rooms.delete(roomName(followed.room))
    this.#sendUnsubscribe(followed)
    this.#onChange()
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
    // First told, then passed: the position moves once the listeners have run.
    if (response.gap !== undefined)
      this.#events.emit('gap', { room, reason: response.gap, position: response.position })
    if (!this.#isFollowed(followed)) return
    const count = followed.enter(response)
    this.#connection.delivery.onSubscribed(room)
    this.#queue.watch(followed)
    if (count > 0) this.#events.emit('recovered', { room, count })
    this.#onChange()
  }

  #onRefused(followed: FollowedRoom, { code, message, retry }: Refused | Unsubscribed): void {
    this.#queue.remove(followed)
    followed.refusal = { code, message, retry }
    if (retry) this.#queue.addLater(followed)
    this.#events.emit('refused', { room: followed.room, code, message, retry })
    this.#onChange()
  }

  #onBatch(batch: NoticeBatch): void {
    const followed = this.#rooms.get(roomName(batch.room))
    if (followed === undefined) return
    const outcome = followed.receive(batch)
    // A listener may have left.
    if (!this.#isFollowed(followed)) return
    if (outcome === 'hole') this.#queue.addLater(followed)
    else if (followed.isFull) {
      this.#queue.remove(followed)
      this.#sendUnsubscribe(followed)
    } else this.#queue.watch(followed)
    this.#onChange()
  }

  /** Returns to the room if the client left it because listeners were too far behind. */
  #onDrained(followed: FollowedRoom): void {
    if (!this.#isFollowed(followed)) return
    if (!followed.isActive && !followed.isRefused) this.#queue.add(followed)
    this.#onChange()
  }

  #onGap({ room, reason, position }: Gap): void {
    const followed = this.#subscribed(room)
    if (followed === undefined) return
    if (!followed.canSkipTo(position)) return this.#queue.addLater(followed)
    this.#events.emit('gap', { room: followed.room, reason, position })
    if (!followed.isSubscribed) return
    followed.skipTo(position)
    this.#queue.watch(followed)
    this.#onChange()
  }

  #onUnsubscribed(unsubscribed: Unsubscribed): void {
    const followed = this.#subscribed(unsubscribed.room)
    if (followed !== undefined) this.#onRefused(followed, unsubscribed)
  }

  /** The room that an event is about. What ends a subscription that is over already, the next response says again. */
  #subscribed(room: Room): FollowedRoom | undefined {
    const followed = this.#rooms.get(roomName(room))
    return followed?.isSubscribed ? followed : undefined
  }

  /** While disconnected, Socket.IO would keep it for the next connection, when the room may be followed again. */
  #sendUnsubscribe({ room }: FollowedRoom): void {
    if (this.#connection.isConnected) this.#connection.socket.emit('unsubscribe', room, () => undefined)
  }

  #isFollowed(followed: FollowedRoom): boolean {
    return this.#rooms.get(roomName(followed.room)) === followed
  }
}
