import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { GatewayError } from '../../../shared/errors.ts'
import { createKeyedLimiter } from '../../lib/keyed-limiter.ts'
import type { MembershipSource } from './membership-cache.ts'

/** Far more groups than a person is in. */
const MAX_LOOKUPS = 500
const LOOKUPS_WINDOW_S = 60
/** Few enough that those of others are served in between. */
const MAX_CONCURRENT_LOOKUPS = 10

/**
 * Limits the lookups of each user, whatever the number of their sockets: what the app and the provider can answer is shared by
 * all users. Rejects with MEMBERSHIP_UNKNOWN beyond the limit.
 */
export function limitPerUser(source: MembershipSource): MembershipSource {
  const budget = new RateLimiterMemory({ points: MAX_LOOKUPS, duration: LOOKUPS_WINDOW_S })
  const limit = createKeyedLimiter(MAX_CONCURRENT_LOOKUPS)

  return async (userId, conversation) => {
    await budget.consume(userId).catch((rejected: unknown) => {
      const retryInMs = rejected instanceof RateLimiterRes ? rejected.msBeforeNext : LOOKUPS_WINDOW_S * 1_000
      throw new GatewayError('MEMBERSHIP_UNKNOWN', 'too many lookups for this user', { retryInMs })
    })
    return await limit(userId, () => source(userId, conversation))
  }
}
