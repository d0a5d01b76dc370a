import { GatewayError } from '../../../shared/errors.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { createLimiter } from '../../lib/flow-control.ts'
import type { Limiter } from '../../lib/flow-control.ts'
import type { LocalRoom } from '../rooms/local-room.ts'
import type { LocalRooms } from '../rooms/local-rooms.ts'
import type { RoomTransport } from './transport.ts'

const MAX_ROOMS = 1_000

/** A connection's subscription to one room, joined or pending. */
export interface Subscription {
  room: Room
  /** When the grant ends and has to be checked again, in ms since 1970. */
  untilMs: number
  /** Whether it has ended, and is being checked. */
  isChecked?: boolean
  /** Undefined while pending. */
  local: LocalRoom | undefined
  /** Whether the client was told that it is in the room although it is pending, because it is sent what it missed. */
  isAcknowledged?: true
  /** Why it was ended while it was pending, for its request. */
  ended?: GatewayError
}

/** The rooms of one connection, and until when each is granted. A joined room can be pending again, to be resumed. */
export class Subscriptions {
  readonly #transport: Pick<RoomTransport, 'leave'>
  readonly #rooms: Pick<LocalRooms, 'release'>
  readonly #joined = new Map<string, Subscription>()
  /** Undefined while there are none, because most connections are idle for hours. */
  #pending: Map<string, Subscription> | undefined
  #oneLargeAtATime: Limiter | undefined

  constructor(transport: Pick<RoomTransport, 'leave'>, rooms: Pick<LocalRooms, 'release'>) {
    this.#transport = transport
    this.#rooms = rooms
  }

  /**
   * Runs tasks that may send a lot, one at a time. Each of them first awaits `flushed`, so buffers stay small however much
   * a connection requests.
   */
  get oneLargeAtATime(): Limiter {
    return (this.#oneLargeAtATime ??= createLimiter(1))
  }

  /** All rooms, joined and pending. */
  rooms(): Room[] {
    return this.#all().map(({ room }) => room)
  }

  /** Returns the subscription to the room of this name, joined or pending; the joined one if it is both. */
  find(name: string): Subscription | undefined {
    return this.#joined.get(name) ?? this.#pending?.get(name)
  }

  /** Returns one subscription for each room, like `find`. */
  list(): Subscription[] {
    return [...new Map([...(this.#pending ?? []), ...this.#joined]).values()]
  }

  /** Returns the rooms whose grant has ended by `nowMs`, once: they are to be checked, and then to be set or left. */
  takeExpired(nowMs: number): Room[] {
    const expired = this.#all().filter(({ untilMs, isChecked }) => untilMs <= nowMs && !isChecked)
    for (const { room } of expired) for (const subscription of this.#of(room)) subscription.isChecked = true
    return expired.map(({ room }) => room)
  }

  /** When the next grant ends, in ms since 1970, of those that are not being checked; Infinity without any. */
  nextExpiryMs(): number {
    let next = Infinity
    const see = ({ untilMs, isChecked }: Subscription): void => {
      if (!isChecked) next = Math.min(next, untilMs)
    }
    this.#joined.forEach(see)
    this.#pending?.forEach(see)
    return next
  }

  /** Sets when the grant of a room ends. No effect on a room that is neither joined nor pending. */
  setExpiry(room: Room, untilMs: number): void {
    for (const subscription of this.#of(room)) {
      subscription.untilMs = untilMs
      subscription.isChecked = false
    }
  }

  /** Adds a pending subscription. Throws TOO_MANY_ROOMS. */
  begin(room: Room, untilMs: number): Subscription {
    const name = roomName(room)
    const pending = (this.#pending ??= new Map())
    if (!this.#joined.has(name) && this.#joined.size + pending.size >= MAX_ROOMS) {
      throw new GatewayError('TOO_MANY_ROOMS')
    }
    const subscription: Subscription = { room, untilMs, isChecked: false, local: undefined }
    pending.set(name, subscription)
    // The new grant also extends an earlier subscription to the room, which lasts until this one is complete.
    this.setExpiry(room, untilMs)
    return subscription
  }

  /** `name` is the `roomName` of the subscription's room. */
  isPending(name: string, subscription: Subscription): boolean {
    return this.#pending?.get(name) === subscription
  }

  /** Turns a pending subscription into a joined one. */
  complete(subscription: Subscription, local: LocalRoom): void {
    this.#removePending(local.name)
    // Drops the identifiers of the request in favour of the room's own, which all its subscriptions share.
    this.#joined.set(local.name, Object.assign(subscription, { room: local.room, local }))
  }

  /** Cancels the pending subscription to a room, if there is one. */
  cancel(room: Room): void {
    this.#removePending(roomName(room))
  }

  /** Leaves a room if it is joined. A pending subscription to it stays. */
  leaveJoined(room: Room): void {
    const name = roomName(room)
    const subscription = this.#joined.get(name)
    if (subscription === undefined) return
    this.#joined.delete(name)
    this.#transport.leave(room)
    if (subscription.local) this.#rooms.release(subscription.local)
  }

  /** No effect on a room that is neither joined nor pending. */
  leave(room: Room): void {
    this.cancel(room)
    this.leaveJoined(room)
  }

  /**
   * Leaves a room for a reason, which a pending request passes on. Returns whether the client believes that it is in the
   * room, and has to be told otherwise.
   */
  evict(room: Room, reason: GatewayError): boolean {
    const name = roomName(room)
    const pending = this.#pending?.get(name)
    if (pending !== undefined) pending.ended = reason
    const isTold = this.#joined.has(name) || pending?.isAcknowledged === true
    this.leave(room)
    return isTold
  }

  /** Leaves every room, once the connection is closed. */
  end(): void {
    for (const { room } of this.#joined.values()) this.leaveJoined(room)
    this.#pending = undefined
  }

  #removePending(name: string): void {
    this.#pending?.delete(name)
    if (this.#pending?.size === 0) this.#pending = undefined
  }

  /** Joined and pending. */
  #of(room: Room): Subscription[] {
    const name = roomName(room)
    const [joined, pending] = [this.#joined.get(name), this.#pending?.get(name)]
    return [joined, pending].filter((subscription) => subscription !== undefined)
  }

  #all(): Subscription[] {
    return [...new Map([...this.#joined, ...(this.#pending ?? [])]).values()]
  }
}
