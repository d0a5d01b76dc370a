import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

/** Beyond this, the oldest revocation is forgotten. */
const MAX_USERS = 10_000
/** Beyond this, the user is banned. */
const MAX_ROOMS_PER_USER = 1_000

interface UserRevocations {
  /** Until when the user is banned. */
  bannedUntilMs: number
  /** Until when the user may not enter these rooms, by name. */
  readonly roomsUntilMs: Map<string, number>
}

/** Access that admins have revoked, which overrides every grant. Times are in ms since 1970. */
export class Revocations {
  readonly #byUser = new Map<string, UserRevocations>()

  /** Revokes access to a room (a group includes its topics), or without a room bans the user. */
  add(userId: string, room: Room | undefined, untilMs: number): void {
    const known = this.#byUser.get(userId) ?? { bannedUntilMs: 0, roomsUntilMs: new Map<string, number>() }
    this.#byUser.delete(userId)
    this.#byUser.set(userId, known)
    if (this.#byUser.size > MAX_USERS) this.#forgetOldest()
    if (room === undefined || known.roomsUntilMs.size >= MAX_ROOMS_PER_USER)
      known.bannedUntilMs = Math.max(known.bannedUntilMs, untilMs)
    else known.roomsUntilMs.set(roomName(room), untilMs)
  }

  /** Whether the user may not connect at all. */
  isBanned(userId: string, nowMs: number): boolean {
    return (this.#byUser.get(userId)?.bannedUntilMs ?? 0) > nowMs
  }

  /** Whether the user may not enter the room. */
  isRevoked(userId: string, room: Room, nowMs: number): boolean {
    if (this.isBanned(userId, nowMs)) return true
    const rooms = this.#byUser.get(userId)?.roomsUntilMs
    if (rooms === undefined) return false
    const isListed = (listed: Room): boolean => (rooms.get(roomName(listed)) ?? 0) > nowMs
    return isListed(room) || (!isFeed(room) && room.topic !== undefined && isListed({ group: room.group }))
  }

  #forgetOldest(): void {
    for (const userId of this.#byUser.keys()) {
      this.#byUser.delete(userId)
      return
    }
  }
}
