import { decodeAnnouncement, revokedIn } from '../auth/announcements.ts'
import { createAuthenticate } from '../auth/authentication.ts'
import { createAuthorization } from '../auth/authorization.ts'
import type { Authorization } from '../auth/authorization.ts'
import { limitFailures } from '../auth/failure-limiter.ts'
import type { FailureLimiter } from '../auth/failure-limiter.ts'
import { createAppEndpoint } from '../auth/membership/app-endpoint.ts'
import { MembershipCache } from '../auth/membership/membership-cache.ts'
import { limitPerUser } from '../auth/membership/per-user.ts'
import { createTencentRest } from '../auth/membership/tencent-rest.ts'
import { Revocations } from '../auth/revocations.ts'
import type { Broker } from '../broker/broker.ts'
import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Decides who may connect, and enter which rooms. */
export interface Access {
  readonly authorization: Authorization
  /** Shared by sockets and the HTTP API, so that an address that fails too often at one is refused at both. */
  readonly authenticateRequest: FailureLimiter
  /** Consulted by `authorization`, and updated from announcements. */
  readonly revocations: Revocations
  /** Removes cached memberships: of one user of the group, or of all its users. */
  readonly forgetMembership: (group: string, userId?: string) => void
}

export function createAccess(config: Config, addressOf: ClientAddress, log: Logger): Access {
  const memberships = createMemberships(config)
  const revocations = new Revocations()
  const authorization = createAuthorization({
    authenticate: createAuthenticate({ ...options.authentication(config), log }),
    memberships,
    revocations,
  })
  return {
    authorization,
    authenticateRequest: limitFailures(authorization.authenticate, addressOf),
    revocations,
    forgetMembership: (group, userId) => memberships?.forget(group, userId),
  }
}

/** For a process without sockets: lets bans apply as soon as they are known. Returns a function that stops it. */
export function followRevocations(
  broker: Pick<Broker, 'onAnnouncement'>,
  { revocations }: Pick<Access, 'revocations'>,
): () => void {
  return broker.onAnnouncement('revocations', (text) => {
    const announcement = decodeAnnouncement(text)
    if (announcement === undefined || !('userId' in announcement)) return
    if (revokedIn(announcement) !== undefined) return
    const { userId } = announcement
    if (announcement.kind === 'revoked') revocations.add(userId, undefined, announcement.untilMs, Date.now())
    else revocations.giveBack(userId, undefined, announcement.ends, Date.now())
  })
}

/** Undefined if memberships cannot be looked up: rooms then come from credentials only. */
function createMemberships(config: Config): MembershipCache | undefined {
  const app = options.appEndpoint(config)
  const tencent = options.tencentRest(config)
  const source = app ? createAppEndpoint(app) : tencent && createTencentRest(tencent)
  return source && new MembershipCache({ source: limitPerUser(source), ttlS: config.MEMBERSHIP_TTL_S })
}
