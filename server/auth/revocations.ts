import { covers } from '../../shared/conversation.ts'
import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { Orders } from './orders.ts'

/** Beyond this, the user whose access returns first is forgotten. */
const MAX_USERS = 10_000
/** Beyond this, the user is banned until the last of them ends. */
const MAX_ROOMS_PER_USER = 1_000

interface RevokedRoom {
  readonly room: Room
  readonly orders: Orders
}

interface UserRevocations {
  /** About everything. */
  readonly banned: Orders
  /** The rooms that the user may not enter, by name. */
  readonly rooms: Map<string, RevokedRoom>
}

/** A room, or everything, that a user has lost for a while. */
export interface Revocation {
  readonly userId: string
  /** Missing for everything. */
  readonly room?: Room
  readonly untilMs: number
  /** When that was ordered. */
  readonly atMs: number
}

/**
 * Access that admins have revoked, which overrides every grant. Of several orders for one room the longest counts, whatever
 * their order: they are stored for a day, and read again. Times are in ms since 1970.
 */
export class Revocations {
  /** Whether orders may be stored that have not been read yet: nobody may connect before. */
  isPending = false
  readonly #byUser = new Map<string, UserRevocations>()

  /** Revokes access to a room (a group includes its topics), or without a room bans the user. */
  add(userId: string, room: Room | undefined, untilMs: number, nowMs: number, atMs = nowMs): void {
    if (untilMs <= nowMs) return
    const known = this.#of(userId)
    ordersOf(known, room, nowMs).add(untilMs, atMs, nowMs)
    if (known.rooms.size > MAX_ROOMS_PER_USER) {
      known.banned.add(endOf(known), atMs, nowMs)
      known.rooms.clear()
    }
    if (this.#byUser.size > MAX_USERS) this.#shrink(nowMs)
  }

  /** Ends the orders about exactly this room, or about everything, that have these ends. Others, also later ones, still count. */
  giveBack(userId: string, room: Room | undefined, ends: readonly number[], nowMs: number): void {
    const orders = ordersOf(this.#of(userId), room, nowMs)
    for (const end of ends) orders.return(end, nowMs)
    if (this.#byUser.size > MAX_USERS) this.#shrink(nowMs)
  }

  /** Returns the ends of the orders about exactly this room, or about everything. */
  ends(userId: string, room: Room | undefined, nowMs: number): number[] {
    return this.#find(userId, room)?.ends(nowMs) ?? []
  }

  /** Returns the first end, from this one on, that no returned order has: an order with such an end would not count. */
  freeEnd(userId: string, room: Room | undefined, untilMs: number): number {
    const orders = this.#find(userId, room)
    let end = untilMs
    while (orders?.isReturned(end)) end++
    return end
  }

  /** Returns what is revoked now, the latest order first. */
  list(nowMs: number): Revocation[] {
    const all = [...this.#byUser].flatMap(([userId, { banned, rooms }]): Revocation[] => [
      { userId, untilMs: banned.untilMs, atMs: banned.givenAtMs() },
      ...[...rooms.values()].map(({ room, orders }) => ({
        userId,
        room,
        untilMs: orders.untilMs,
        atMs: orders.givenAtMs(),
      })),
    ])
    return all.filter(({ untilMs }) => untilMs > nowMs).toSorted((one, other) => other.atMs - one.atMs)
  }

  /** Whether the user may not connect at all. */
  isBanned(userId: string, nowMs: number): boolean {
    return (this.#byUser.get(userId)?.banned.untilMs ?? 0) > nowMs
  }

  /**
   * Whether the user may not enter the room. What counts is what the room carries: a group's room carries its topics, and the
   * feed everything, so neither may be entered while a part of it is revoked.
   */
  isRevoked(userId: string, room: Room, nowMs: number): boolean {
    const known = this.#byUser.get(userId)
    if (known === undefined) return false
    if (known.banned.untilMs > nowMs) return true
    for (const revoked of known.rooms.values())
      if (revoked.orders.untilMs > nowMs && overlap(revoked.room, room)) return true
    return false
  }

  #of(userId: string): UserRevocations {
    const known = this.#byUser.get(userId) ?? {
      banned: new Orders(),
      rooms: new Map<string, RevokedRoom>(),
    }
    this.#byUser.set(userId, known)
    return known
  }

  #find(userId: string, room: Room | undefined): Orders | undefined {
    const known = this.#byUser.get(userId)
    return room === undefined ? known?.banned : known?.rooms.get(roomName(room))?.orders
  }

  /** Forgets the users whose access has returned, and if they are still too many the one whose access returns first. */
  #shrink(nowMs: number): void {
    let first = { userId: '', endMs: Infinity }
    for (const [userId, known] of this.#byUser) {
      const endMs = endOf(known)
      if (endMs <= nowMs) this.#byUser.delete(userId)
      else if (endMs < first.endMs) first = { userId, endMs }
    }
    if (this.#byUser.size > MAX_USERS) this.#byUser.delete(first.userId)
  }
}

/** Returns the orders about a room, or about everything, and forgets the rooms that have returned. */
function ordersOf({ banned, rooms }: UserRevocations, room: Room | undefined, nowMs: number): Orders {
  if (room === undefined) return banned
  const name = roomName(room)
  const known = rooms.get(name)
  if (known !== undefined) return known.orders
  for (const [other, { orders }] of rooms) if (orders.untilMs <= nowMs) rooms.delete(other)
  const orders = new Orders()
  rooms.set(name, { room, orders })
  return orders
}

const endOf = ({ banned, rooms }: UserRevocations): number =>
  Math.max(banned.untilMs, ...[...rooms.values()].map(({ orders }) => orders.untilMs))

/** Whether two rooms carry recalls of the same conversation. */
function overlap(one: Room, other: Room): boolean {
  if (isFeed(one) || isFeed(other)) return true
  return covers(one, other) || covers(other, one)
}
