import type { RequestHandler, Response } from 'express'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { GatewayError } from '../../shared/errors.ts'
import type { Authenticate } from '../auth/authentication.ts'
import type { FailureLimiter } from '../auth/failure-limiter.ts'
import type { Principal } from '../auth/principal.ts'

/** Maximum requests of one user, as for a socket: far more than a page needs. */
const MAX_REQUESTS = 1_000
const REQUESTS_WINDOW_S = 10

/** Authenticates requests by their bearer token, and limits the requests of each user. `authenticate`: see `FailureLimiter`. */
export function requireBearer(
  authenticateRequest: FailureLimiter,
  authenticate?: Authenticate,
): RequestHandler {
  const requests = new RateLimiterMemory({ points: MAX_REQUESTS, duration: REQUESTS_WINDOW_S })
  return async (request, response, next) => {
    const token = /^Bearer +(\S+) *$/i.exec(request.get('Authorization') ?? '')?.[1]
    // A request without a token is no guess. If it counted as a failure, any page could lock out the address of its
    // visitors.
    if (token === undefined)
      throw new GatewayError('TOKEN_REFUSED', 'the header must be "Authorization: Bearer <token>"')
    const principal = await authenticateRequest(request, { token }, authenticate)
    const charge = (points: number) =>
      requests.consume(principal.id, points).catch((rejected: unknown) => {
        const retryInMs =
          rejected instanceof RateLimiterRes ? rejected.msBeforeNext : REQUESTS_WINDOW_S * 1_000
        throw new GatewayError('TOO_MANY_REQUESTS', undefined, { retryInMs })
      })
    await charge(1)
    response.locals['principal'] = principal
    response.locals['charge'] = charge
    next()
  }
}

/**
 * Counts a request as several. To be called before the work, or the requests that wait for their turn would not be counted.
 * Rejects with TOO_MANY_REQUESTS.
 */
export async function chargeUser(response: Response, points: number): Promise<void> {
  if (points > 0) await (response.locals['charge'] as (points: number) => Promise<unknown>)(points)
}

export const requireAdmin: RequestHandler = (_request, response, next) => {
  if (principalOf(response).role !== 'admin') throw new GatewayError('ADMIN_NEEDED')
  next()
}

/** Returns the principal that `requireBearer` authenticated. */
export const principalOf = (response: Response): Principal => response.locals['principal'] as Principal
