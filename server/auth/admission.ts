import { GatewayError } from '../../shared/errors.ts'
import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Authenticate } from './authenticate.ts'
import type { Authorise } from './authorise.ts'
import type { Principal } from './principal.ts'
import type { Revocations } from './revocations.ts'

/** Who may be here, and in which rooms: what credentials, the app and the provider give, less what admins took. */
export interface Admission {
  /** Rejects like the check of the credential, or with USER_DISCONNECTED. */
  readonly authenticate: Authenticate
  /** Until when, in ms since 1970. Rejects with ROOM_REFUSED, or MEMBERSHIP_UNKNOWN when nobody could tell. */
  authorise(principal: Principal, room: Room): Promise<number>
  /** Whether an admin has disconnected the user. */
  isBanned(userId: string): boolean
  /** Whether an admin took the room from the user. */
  isTaken(userId: string, room: Room): boolean
}

interface AdmissionDependencies {
  readonly authenticate: Authenticate
  readonly authorise: Authorise
  readonly revocations: Revocations
}

export function createAdmission({ authenticate, authorise, revocations }: AdmissionDependencies): Admission {
  const isBanned = (userId: string): boolean => revocations.isBanned(userId, Date.now())
  const isTaken = (userId: string, room: Room): boolean => revocations.covers(userId, room, Date.now())
  return {
    isBanned,
    isTaken,
    async authenticate(auth) {
      const principal = await authenticate(auth)
      if (isBanned(principal.id)) throw new GatewayError('USER_DISCONNECTED')
      return principal
    },
    async authorise(principal, room) {
      const untilMs = await authorise(principal, room)
      if (untilMs !== undefined && untilMs > Date.now() && !isTaken(principal.id, room)) return untilMs
      throw new GatewayError('ROOM_REFUSED', isFeed(room) ? 'the feed is for admins' : 'it was not granted')
    },
  }
}
