import { isFeed } from '../../shared/room.ts'
import type { Conversation } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'
import type { Principal } from './principal.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Authenticate } from './authentication.ts'
import type { Revocations } from './revocations.ts'

/** Whether a user is a member of the group of a conversation, as the app or the provider says. */
interface Memberships {
  /** Until when, in ms since 1970; undefined for not at all. Rejects with MEMBERSHIP_UNKNOWN. */
  grantedUntil(userId: string, conversation: Conversation): Promise<number | undefined>
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
    const untilMs = await memberships?.grantedUntil(principal.id, room)
    return untilMs === undefined ? undefined : Math.min(untilMs, principal.expiresAtMs)
  }
}

const isGranted = ({ grants }: Principal, { group, topic }: Conversation): boolean =>
  grants.some((grant) => grant.group === group && (grant.topic === undefined || grant.topic === topic))

/** Who may be here, and in which rooms: what credentials, the app and the provider give, less what admins took. */
export interface Authorization {
  /** Rejects like the check of the credential, or with USER_DISCONNECTED. */
  readonly authenticate: Authenticate
  /** Until when, in ms since 1970. Rejects with ROOM_REFUSED, or MEMBERSHIP_UNKNOWN when nobody could tell. */
  authorise(principal: Principal, room: Room): Promise<number>
  /** Whether an admin has disconnected the user. */
  isBanned(userId: string): boolean
  /** Whether an admin took the room from the user. */
  isRevoked(userId: string, room: Room): boolean
}

interface AdmissionDependencies {
  readonly authenticate: Authenticate
  readonly authorise: Authorise
  readonly revocations: Revocations
}

export function createAuthorization({
  authenticate,
  authorise,
  revocations,
}: AdmissionDependencies): Authorization {
  const isBanned = (userId: string): boolean => revocations.isBanned(userId, Date.now())
  const isRevoked = (userId: string, room: Room): boolean => revocations.covers(userId, room, Date.now())
  return {
    isBanned,
    isRevoked,
    async authenticate(auth) {
      const principal = await authenticate(auth)
      if (isBanned(principal.id)) throw new GatewayError('USER_DISCONNECTED')
      return principal
    },
    async authorise(principal, room) {
      const untilMs = await authorise(principal, room)
      if (untilMs !== undefined && untilMs > Date.now() && !isRevoked(principal.id, room)) return untilMs
      throw new GatewayError('ROOM_REFUSED', isFeed(room) ? 'the feed is for admins' : 'it was not granted')
    },
  }
}
