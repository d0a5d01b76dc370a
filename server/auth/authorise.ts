import { isFeed } from '../../shared/room.ts'
import type { Conversation } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'
import type { Principal } from './principal.ts'

/** Whether a user is a member of the group of a conversation, as the app or the provider says. */
interface Memberships {
  /** Until when, in ms since 1970; undefined for not at all. Rejects with MEMBERSHIP_UNKNOWN. */
  until(userId: string, conversation: Conversation): Promise<number | undefined>
}

/**
 * Until when this principal may be in this room, in ms since 1970; undefined for not at all. Rejects with
 * MEMBERSHIP_UNKNOWN when nobody could tell, which is no permission either.
 */
export type Authorise = (principal: Principal, room: Room) => Promise<number | undefined>

/**
 * Asks in this order: the role (admins may be in every room), the grants of the credential (a group covers its topics, a
 * topic only itself), and then the memberships, where they can be asked. The feed is for admins.
 */
export function createAuthorise({
  memberships,
}: {
  readonly memberships?: Memberships | undefined
}): Authorise {
  return async (principal, room) => {
    if (principal.role === 'admin') return principal.expiresAtMs
    if (isFeed(room)) return undefined
    if (isGranted(principal, room)) return principal.expiresAtMs
    const untilMs = await memberships?.until(principal.id, room)
    return untilMs === undefined ? undefined : Math.min(untilMs, principal.expiresAtMs)
  }
}

const isGranted = ({ grants }: Principal, { group, topic }: Conversation): boolean =>
  grants.some((grant) => grant.group === group && (grant.topic === undefined || grant.topic === topic))
