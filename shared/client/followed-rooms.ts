import type { Gap, NoticeBatch, Refused, Subscribed, SubscribeRequest, Unsubscribed } from '../protocol.ts'
import { roomName } from '../room.ts'
import type { Room } from '../room.ts'
import type { ClientEvents, SubscribeOptions } from './api.ts'
import { handoverOf } from './call.ts'
import type { Handover } from './call.ts'
import { copyOf } from './copy.ts'
import type { Connection } from './connection.ts'
import { FollowedRoom } from './followed-room.ts'
import { Ledger } from './ledger.ts'
import type { Emitter } from './listeners.ts'
import { Offer } from './offer.ts'
import type { PositionStore } from './position-store.ts'
import { RoomListener } from './room-listener.ts'
import type { RoomListenerOptions } from './room-listener.ts'
import type { RoomSummary } from './room-summary.ts'
import { SubscribeQueue } from './subscribe-queue.ts'

interface FollowedRoomsOptions {
  readonly connection: Connection
  readonly positions: PositionStore
  readonly events: Emitter<ClientEvents>
  /** The state of this room may have changed, or of any. */
  readonly onChange: (room?: Room) => void
}

/** A listener in a room that the client follows. */
export interface Following {
  readonly listener: RoomListener
  /** Of this listener alone. */
  summary(): RoomSummary
  /** The state of the room may have changed afterwards. */
  leave(): void
}

/** The rooms that a client follows over its connection: passes on what the node says of each. */
export class FollowedRooms {
  readonly #connection: Connection
  readonly #positions: PositionStore
  readonly #events: Emitter<ClientEvents>
  readonly #onChange: (room?: Room) => void
  readonly #rooms = new Map<string, FollowedRoom>()
  /** Of every room that was ever followed. */
  readonly #ledgers = new Map<string, Ledger>()
  readonly #queue: SubscribeQueue
  readonly #offer: Offer

  constructor({ connection, positions, events, onChange }: FollowedRoomsOptions) {
    this.#connection = connection
    this.#positions = positions
    this.#events = events
    this.#onChange = onChange
    const { socket, requests, silence } = connection
    this.#offer = new Offer(socket)
    this.#queue = new SubscribeQueue(socket, requests, silence, (followed, response) =>
      this.#onResponse(followed, response),
    )
    socket.on('messages-recalled', (batch) => this.#onBatch(batch))
    socket.on('gap', (gap) => this.#onGap(gap))
    socket.on('unsubscribed', (unsubscribed) => this.#onUnsubscribed(unsubscribed))
  }

  /** Of each room that is followed. */
  summaries(): Iterable<RoomSummary> {
    return [...this.#rooms.values()].map((followed) => followed.summary())
  }

  /** To be called whenever the states of a room, or of all, are announced. */
  onAnnounced(room?: Room): void {
    if (room !== undefined) this.#rooms.get(roomName(room))?.onAnnounced()
    else for (const followed of this.#rooms.values()) followed.onAnnounced()
  }

  /** Returns the subscribe requests that go ahead with a handshake, beside this `auth`. */
  offer(auth: object): readonly SubscribeRequest[] {
    return this.#offer.make(this.#rooms.values(), auth)
  }

  /** To be called once connected. */
  subscribeAll(): void {
    for (const [followed, ahead] of this.#offer.take()) {
      if (this.#isFollowed(followed) && followed.canTake) this.#queue.takeUp(followed, ahead)
      else this.#sendUnsubscribe(followed)
    }
    for (const followed of this.#rooms.values()) {
      // The new credential may grant rooms that the last one did not.
      followed.refusal = undefined
      if (!followed.isSubscribing) this.#queue.add(followed)
    }
    // Later: no code of the application runs while the client takes in what the node sends.
    queueMicrotask(() => this.#retryReloads())
  }

  /** Reloads that failed while offline do not wait any longer. */
  #retryReloads(): void {
    for (const { listeners } of this.#rooms.values()) for (const listener of listeners) listener.retryReload()
  }

  /** To be called once the credential was refreshed: the new one may grant what the last one did not. */
  retryRefused(): void {
    for (const followed of this.#rooms.values()) if (followed.isRefused) this.#queue.add(followed)
  }

  /** To be called once disconnected. */
  onDisconnect(): void {
    for (const followed of this.#rooms.values()) this.#queue.remove(followed)
  }

  /**
   * To be called once the node no longer doubts that it delivers everything, or everything of these rooms. What waits for a
   * listener came late: a room is not live before it is handled. What kept a node in doubt also kept it from subscribing to
   * rooms, and is most likely over.
   */
  onProved(rooms?: readonly Room[]): void {
    for (const { listeners } of this.#rooms.values()) for (const listener of listeners) listener.markLate()
    if (rooms === undefined) this.#queue.hurry()
  }

  /** Leaves every room for good. Nothing is given any more, and nothing new stored. */
  close(): void {
    for (const followed of this.#rooms.values()) {
      this.#queue.remove(followed)
      followed.ledger.close()
      for (const listener of followed.listeners) listener.leave()
    }
    this.#rooms.clear()
  }

  /** A handler of gaps has come: those that nothing has handled are told again. */
  retryGaps(): void {
    for (const { listeners } of this.#rooms.values()) for (const listener of listeners) listener.retryGap()
  }

  /** Follows a room, or goes on following it, with one more listener. */
  follow(
    room: Room,
    onNotice: RoomListenerOptions['onNotice'],
    { since, load }: SubscribeOptions,
  ): Following {
    const name = roomName(room)
    const followed = this.#rooms.get(name) ?? this.#create(room, name)
    const listener: RoomListener = new RoomListener({
      room,
      onNotice: (notice) => onNotice(copyOf(notice)),
      load: load && ((position) => load(copyOf(position))),
      handover: since === undefined ? handoverIn(followed) : undefined,
      clientEvents: this.#events,
      onMoved: () => followed.ledger.update(followed.listeners),
      onDrained: () => this.#onDrained(followed),
      onChange: () => this.#announce(followed),
    })
    followed.add(listener, since, () => {
      if (this.#isFollowed(followed) && !followed.isSubscribing) this.#queue.add(followed)
    })
    if (followed.isRefused) {
      followed.refusal = undefined
      this.#queue.add(followed)
    }
    return {
      listener,
      summary: () => followed.summary(listener),
      leave: () => this.#leave(followed, listener),
    }
  }

  #create(room: Room, name: string): FollowedRoom {
    const onError = (error: unknown, attempt: number, retryInMs?: number): void =>
      this.#events.emit('error', {
        source: 'store',
        error,
        room,
        attempt,
        ...(retryInMs !== undefined && { retryInMs }),
      })
    const ledger = this.#ledgers.get(name) ?? new Ledger(this.#positions, name, onError)
    this.#ledgers.set(name, ledger)
    const followed = new FollowedRoom(room, ledger)
    this.#rooms.set(name, followed)
    return followed
  }

  /** Leaves the room with the last listener. */
  #leave(followed: FollowedRoom, listener: RoomListener): void {
    if (listener.hasLeft) return
    const isBehind = followed.remove(listener)
    if (!followed.hasListeners) {
      this.#queue.remove(followed)
      followed.ledger.close()
      if (this.#isFollowed(followed)) this.#rooms.delete(followed.name)
      this.#sendUnsubscribe(followed)
    } else if (isBehind && !followed.isSubscribing) this.#queue.add(followed)
  }

  #onResponse(followed: FollowedRoom, response: Subscribed | Refused | undefined): void {
    if (response === undefined) {
      this.#queue.replaceLater(followed)
      return this.#announce(followed)
    }
    if (!response.ok) return this.#onRefused(followed, response)
    const { room } = followed
    const { missed, asksAgain } = followed.enter(response)
    this.#connection.delivery.onSubscribed(room)
    if (asksAgain) this.#queue.addSoon(followed)
    else this.#queue.watch(followed)
    const count = Math.max(0, ...missed.map((each) => each.count))
    if (count > 0) this.#events.emit('recovered', { room, count })
    for (const { listener, count: own } of missed) listener.events.emit('recovered', { room, count: own })
    this.#onChange(room)
  }

  #onRefused(followed: FollowedRoom, { code, message, retry }: Refused | Unsubscribed): void {
    // It may be about the position: without one, the next response decides.
    if (code === 'REQUEST_MALFORMED' && followed.forgetAsked()) return this.#queue.add(followed)
    const wasRefused = followed.isRefused && followed.refusal?.code === code
    followed.refusal = { code, message, retry }
    if (retry) this.#queue.addLater(followed)
    else this.#queue.remove(followed)
    if (!retry && wasRefused) return this.#onChange(followed.room)
    const refused = { room: followed.room, code, message, retry }
    this.#events.emit('refused', refused)
    for (const { events } of followed.listeners) events.emit('refused', refused)
    this.#onChange(followed.room)
  }

  #onBatch(batch: NoticeBatch): void {
    const followed = this.#rooms.get(roomName(batch.room))
    if (followed === undefined) return
    const outcome = followed.receive(batch)
    if (outcome === 'hole') this.#queue.replaceLater(followed)
    else if (followed.isActive && !followed.canTake) {
      this.#queue.remove(followed)
      this.#sendUnsubscribe(followed)
    } else this.#queue.watch(followed)
    this.#announce(followed)
  }

  /** Returns to the room for a listener that took no more, because it was too far behind. */
  #onDrained(followed: FollowedRoom): void {
    if (!this.#isFollowed(followed) || followed.isRefused) return
    if (!followed.hasRecovered && !followed.isSubscribing) this.#queue.add(followed)
  }

  #onGap({ room, reason, position }: Gap): void {
    const followed = this.#subscribed(room)
    if (followed === undefined) return
    if (followed.skipTo(reason, position)) this.#queue.watch(followed)
    else this.#queue.replaceLater(followed)
    this.#onChange(followed.room)
  }

  #onUnsubscribed(unsubscribed: Unsubscribed): void {
    const followed = this.#subscribed(unsubscribed.room)
    if (followed === undefined) return
    followed.leave()
    // Otherwise, the response decides.
    if (!followed.isSubscribing) this.#onRefused(followed, unsubscribed)
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

  /** A notice in passing changes nothing. */
  #announce(followed: FollowedRoom): void {
    if (followed.onAnnounced()) this.#onChange(followed.room)
  }

  #isFollowed(followed: FollowedRoom): boolean {
    return this.#rooms.get(followed.name) === followed
  }
}

/** The call, if any, in which a listener of the room may be subscribing anew. */
function handoverIn({ listeners, ledger }: FollowedRoom): Handover | undefined {
  const call = listeners.find((listener) => listener.call?.isOnStack)?.call ?? ledger.abandoned
  return call && handoverOf(call)
}
