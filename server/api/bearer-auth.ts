import type { RequestHandler, Response } from 'express'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { GatewayError } from '../../shared/errors.ts'
import type { FailureLimiter } from '../auth/authentication.ts'
import type { Principal } from '../auth/principal.ts'

/** As for a socket: far more than a page needs. */
const MAX_REQUESTS = 1_000
const REQUESTS_WITHIN_S = 10

/** Lets in who shows a token that holds, so many times. */
export function requireBearer(guard: FailureLimiter): RequestHandler {
  const requests = new RateLimiterMemory({ points: MAX_REQUESTS, duration: REQUESTS_WITHIN_S })
  return async (request, response, next) => {
    const token = /^Bearer (\S+)$/i.exec(request.get('Authorization') ?? '')?.[1]
    // Without a token nothing is guessed: it must not count, or any page could shut out the address of who looks at it.
    if (token === undefined) throw new GatewayError('TOKEN_REFUSED', 'no bearer token')
    const principal = await guard(request, { token })
    await requests.consume(principal.id).catch(() => {
      throw new GatewayError('TOO_MANY_REQUESTS')
    })
    response.locals['principal'] = principal
    next()
  }
}

export const requireAdmin: RequestHandler = (_request, response, next) => {
  if (principalOf(response).role !== 'admin') throw new GatewayError('ADMIN_NEEDED')
  next()
}

/** Who was let in. */
export const principalOf = (response: Response): Principal => response.locals['principal'] as Principal
