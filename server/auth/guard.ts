import type { IncomingMessage } from 'node:http'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import { clientNetwork } from '../http/client-address.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { Authenticate } from './authenticate.ts'
import type { Principal } from './principal.ts'

/** Refused credentials of one address before it has to wait; far more than one who reloads with an old token needs. */
const FAILURES_AT_MOST = 30
const FAILURES_WITHIN_S = 60

/** Who shows this credential from there. Rejects like `Authenticate`, or with TOO_MANY_FAILURES. */
export type Guard = (request: IncomingMessage, auth: unknown) => Promise<Principal>

/** Makes addresses wait that show wrong credentials again and again, and nobody else. */
export function createGuard(authenticate: Authenticate, addressOf: ClientAddress): Guard {
  const failures = new RateLimiterMemory({ points: FAILURES_AT_MOST, duration: FAILURES_WITHIN_S })

  return async function guard(request, auth) {
    const client = clientNetwork(addressOf(request))
    const counted = await failures.get(client)
    if (counted !== null && counted.remainingPoints <= 0) throw new GatewayError('TOO_MANY_FAILURES')
    try {
      return await authenticate(auth)
    } catch (error) {
      // Beyond the limit it rejects, which the next one finds out.
      if (asGatewayError(error).code === 'TOKEN_REFUSED')
        await failures.consume(client).catch(() => undefined)
      throw error
    }
  }
}
