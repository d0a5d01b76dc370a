import { GatewayError } from '../../shared/errors.ts'
import type { Conversation } from '../../shared/recall.ts'
import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Authenticate } from './authentication.ts'
import type { MembershipCache } from './membership/membership-cache.ts'
import type { Principal } from './principal.ts'
import type { Revocations } from './revocations.ts'

/**
 * Decides who may connect, and enter which rooms: what credentials, the app and Tencent grant, minus what admins have
 * revoked.
 */
export interface Authorization {
  /** Rejects like `Authenticate`, or with USER_DISCONNECTED while an admin has banned the user. */
  readonly authenticate: Authenticate
  /**
   * Resolves to the time until which the principal may be in the room, in ms since 1970. Rejects with ROOM_REFUSED, or with
   * MEMBERSHIP_UNKNOWN when the membership could not be looked up, which grants nothing either.
   */
  authorize(principal: Principal, room: Room): Promise<number>
  /** Whether an admin has banned the user. */
  isBanned(userId: string): boolean
  /** Whether an admin has revoked the user's access to the room. */
  isRevoked(userId: string, room: Room): boolean
}

interface AuthorizationDependencies {
  readonly authenticate: Authenticate
  /** Looked up for rooms that the credential does not grant; undefined where no source is configured. */
  readonly memberships: Pick<MembershipCache, 'grantedUntil'> | undefined
  readonly revocations: Revocations
}

export function createAuthorization({
  authenticate,
  memberships,
  revocations,
}: AuthorizationDependencies): Authorization {
  const isBanned = (userId: string): boolean => revocations.isBanned(userId, Date.now())
  const isRevoked = (userId: string, room: Room): boolean => revocations.isRevoked(userId, room, Date.now())

  /** Undefined for never. Checks the role, then the grants of the credential, then the membership. */
  async function grantedUntil(principal: Principal, room: Room): Promise<number | undefined> {
    if (principal.role === 'admin') return principal.expiresAtMs
    if (isFeed(room)) return undefined
    if (hasGrant(principal, room)) return principal.expiresAtMs
    const untilMs = await memberships?.grantedUntil(principal.id, room)
    return untilMs === undefined ? undefined : Math.min(untilMs, principal.expiresAtMs)
  }

  return {
    isBanned,
    isRevoked,
    async authenticate(auth) {
      const principal = await authenticate(auth)
      if (isBanned(principal.id)) throw new GatewayError('USER_DISCONNECTED')
      return principal
    },
    async authorize(principal, room) {
      const untilMs = await grantedUntil(principal, room)
      if (untilMs !== undefined && untilMs > Date.now() && !isRevoked(principal.id, room)) return untilMs
      throw new GatewayError('ROOM_REFUSED', isFeed(room) ? 'the feed is for admins' : undefined)
    },
  }
}

/** A group covers its topics; a topic covers only itself. */
const hasGrant = ({ grants }: Principal, { group, topic }: Conversation): boolean =>
  grants.some((grant) => grant.group === group && (grant.topic === undefined || grant.topic === topic))
