import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

/** Users that are remembered; the one revoked longest ago is forgotten first. */
const MAX_USERS = 10_000
/** Of one user; beyond that, all rooms are taken. */
const MAX_ROOMS = 1_000

interface Revoked {
  /** Until when the user may not be here at all. */
  allUntilMs: number
  /** Until when the user may not be in these rooms, by name. */
  readonly roomsUntilMs: Map<string, number>
}

/** What admins took from users of the app, whatever their credentials grant. */
export class Revocations {
  readonly #byUser = new Map<string, Revoked>()

  /** Takes a room, a group with its topics, or without a room everything. */
  add(userId: string, room: Room | undefined, untilMs: number): void {
    const revoked = this.#byUser.get(userId) ?? { allUntilMs: 0, roomsUntilMs: new Map<string, number>() }
    this.#byUser.delete(userId)
    this.#byUser.set(userId, revoked)
    if (this.#byUser.size > MAX_USERS) this.#forgetOldest()
    if (room === undefined || revoked.roomsUntilMs.size >= MAX_ROOMS)
      revoked.allUntilMs = Math.max(revoked.allUntilMs, untilMs)
    else revoked.roomsUntilMs.set(roomName(room), untilMs)
  }

  /** Whether the user may not be here at all. */
  isBanned(userId: string, nowMs: number): boolean {
    return (this.#byUser.get(userId)?.allUntilMs ?? 0) > nowMs
  }

  /** Whether the room was taken from the user. */
  covers(userId: string, room: Room, nowMs: number): boolean {
    if (this.isBanned(userId, nowMs)) return true
    const rooms = this.#byUser.get(userId)?.roomsUntilMs
    if (rooms === undefined) return false
    const isRevoked = (one: Room): boolean => (rooms.get(roomName(one)) ?? 0) > nowMs
    return isRevoked(room) || (!isFeed(room) && room.topic !== undefined && isRevoked({ group: room.group }))
  }

  #forgetOldest(): void {
    for (const userId of this.#byUser.keys()) {
      this.#byUser.delete(userId)
      return
    }
  }
}
