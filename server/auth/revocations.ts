import { covers } from '../../shared/conversation.ts'
import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

/** Beyond this, the user whose access returns first is forgotten. */
const MAX_USERS = 10_000
/** Beyond this, the user is banned until the last of them ends. */
const MAX_ROOMS_PER_USER = 1_000

interface RevokedRoom {
  readonly room: Room
  readonly untilMs: number
}

interface UserRevocations {
  /** Until when the user is banned. */
  bannedUntilMs: number
  /** The rooms that the user may not enter, by name. */
  readonly rooms: Map<string, RevokedRoom>
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
  add(userId: string, room: Room | undefined, untilMs: number, nowMs: number): void {
    if (untilMs <= nowMs) return
    const known = this.#byUser.get(userId) ?? { bannedUntilMs: 0, rooms: new Map<string, RevokedRoom>() }
    if (room === undefined) known.bannedUntilMs = Math.max(known.bannedUntilMs, untilMs)
    else revokeRoom(known, room, untilMs, nowMs)
    this.#byUser.set(userId, known)
    if (this.#byUser.size > MAX_USERS) this.#shrink(nowMs)
  }

  /** Whether the user may not connect at all. */
  isBanned(userId: string, nowMs: number): boolean {
    return (this.#byUser.get(userId)?.bannedUntilMs ?? 0) > nowMs
  }

  /**
   * Whether the user may not enter the room. What counts is what the room carries: a group's room carries its topics, and the
   * feed everything, so neither may be entered while a part of it is revoked.
   */
  isRevoked(userId: string, room: Room, nowMs: number): boolean {
    const known = this.#byUser.get(userId)
    if (known === undefined) return false
    if (known.bannedUntilMs > nowMs) return true
    for (const revoked of known.rooms.values())
      if (revoked.untilMs > nowMs && overlap(revoked.room, room)) return true
    return false
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

function revokeRoom(known: UserRevocations, room: Room, untilMs: number, nowMs: number): void {
  const name = roomName(room)
  for (const [other, revoked] of known.rooms) if (revoked.untilMs <= nowMs) known.rooms.delete(other)
  known.rooms.set(name, { room, untilMs: Math.max(untilMs, known.rooms.get(name)?.untilMs ?? 0) })
  if (known.rooms.size <= MAX_ROOMS_PER_USER) return
  known.bannedUntilMs = endOf(known)
  known.rooms.clear()
}

const endOf = ({ bannedUntilMs, rooms }: UserRevocations): number =>
  Math.max(bannedUntilMs, ...[...rooms.values()].map(({ untilMs }) => untilMs))

/** Whether two rooms carry recalls of the same conversation. */
function overlap(one: Room, other: Room): boolean {
  if (isFeed(one) || isFeed(other)) return true
  return covers(one, other) || covers(other, one)
}
