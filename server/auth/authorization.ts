import { covers } from '../../shared/conversation.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Authenticate } from './authentication.ts'
import type { MembershipCache } from './membership/membership-cache.ts'
import type { Principal } from './principal.ts'
import { expired } from './refused.ts'
import type { Revocations } from './revocations.ts'

/** How often a membership is looked up that runs out at once. */
const MAX_LOOKUPS = 3

/**
 * Decides who may connect, and enter which rooms: what credentials, the app and Tencent grant, minus what admins have
 * revoked.
 */
export interface Authorization {
  /**
   * Rejects like `Authenticate`, with USER_DISCONNECTED while an admin has banned the user, or with BROKER_UNAVAILABLE until
   * it is known whom admins have banned.
   */
  readonly authenticate: Authenticate
  /** The same, but goes by the bans that are known: for what has to work without the broker. */
  readonly authenticateByKnownBans: Authenticate
  /**
   * Resolves to the time until which the principal may be in the room, in ms since 1970. Rejects with ROOM_REFUSED; with
   * MEMBERSHIP_UNKNOWN when the membership could not be looked up, which grants nothing either; or with TOKEN_EXPIRED once
   * the credential has expired.
   */
  authorize(principal: Principal, room: Room): Promise<number>
  /** Whether an admin has banned the user. */
  isBanned(userId: string): boolean
  /** Whether an admin has revoked the user's access to the room, or to part of it. */
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

  /** Rejects like `authorize`. Checks what the credential does not grant by itself. */
  async function memberUntil(principal: Principal, room: Room): Promise<number> {
    if (isFeed(room)) throw new GatewayError('ROOM_REFUSED', 'the feed is for admins')
    if (room.c2c !== undefined)
      throw new GatewayError('ROOM_REFUSED', 'it is for the two users of the conversation')
    if (memberships === undefined) throw new GatewayError('ROOM_REFUSED')
    for (let i = 0; i < MAX_LOOKUPS; i++) {
      const untilMs = await memberships.grantedUntil(principal.id, room)
      if (untilMs === undefined) throw new GatewayError('ROOM_REFUSED', 'the user is not a member')
      // A membership in the cache can run out in between; that is no refusal.
      if (untilMs > Date.now()) return Math.min(untilMs, principal.expiresAtMs)
    }
    throw new GatewayError('MEMBERSHIP_UNKNOWN', 'it ran out before it could be used')
  }

  function checkBan(principal: Principal): Principal {
    if (isBanned(principal.id)) throw new GatewayError('USER_DISCONNECTED')
    return principal
  }

  return {
    isBanned,
    isRevoked,
    async authenticate(auth) {
      const principal = checkBan(await authenticate(auth))
      if (revocations.isPending)
        throw new GatewayError('BROKER_UNAVAILABLE', 'revocations have not been read yet')
      return principal
    },
    authenticateByKnownBans: async (auth) => checkBan(await authenticate(auth)),
    async authorize(principal, room) {
      const untilMs = isGranted(principal, room) ? principal.expiresAtMs : await memberUntil(principal, room)
      if (isRevoked(principal.id, room)) throw revokedRoom()
      if (principal.expiresAtMs <= Date.now()) throw expired(principal.expiresAtMs)
      return untilMs
    },
  }
}

/** The refusal of a room to which an admin has revoked access. */
export const revokedRoom = (): GatewayError =>
  new GatewayError('ROOM_REFUSED', 'an admin has revoked access to it, or to part of it')

/** Whether the credential grants a room by itself, by its role or its grants. */
const isGranted = (principal: Principal, room: Room): boolean =>
  principal.role === 'admin' || (!isFeed(room) && hasGrant(principal, room))

/** Users may follow their own conversations with others. */
const hasGrant = ({ id, grants }: Principal, conversation: Conversation): boolean =>
  conversation.c2c?.includes(id) === true || grants.some((grant) => covers(grant, conversation))
