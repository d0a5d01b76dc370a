import { GatewayError, asGatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import type { Principal } from './principal.ts'
import { createJwtVerifier } from './jwt.ts'
import type { JwtOptions } from './jwt.ts'
import { verifyUserSig } from './usersig.ts'
import type { IncomingMessage } from 'node:http'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { clientNetwork } from '../http/client-address.ts'
import type { ClientAddress } from '../http/client-address.ts'

/**
 * Takes the `auth` of a handshake to a principal. Rejects with TOKEN_REFUSED, saying which part is wrong, or with
 * KEYS_UNAVAILABLE when nobody can tell now.
 */
export type Authenticate = (auth: unknown) => Promise<Principal>

interface AuthenticateOptions extends JwtOptions {
  /** The app, in digits. */
  readonly app: string
  /** With it, UserSigs are taken. */
  readonly userSigKey?: string | undefined
  /** Who is an admin with a UserSig. */
  readonly adminUserIds: readonly string[]
}

/** Verifies `{ token }`, or `{ userId, userSig }`. */
export function createAuthenticate({
  app,
  userSigKey,
  adminUserIds,
  ...options
}: AuthenticateOptions): Authenticate {
  const checkToken = createJwtVerifier(options)
  const admins = new Set(adminUserIds)

  function checkUser(userId: string, userSig: string, key: string): Principal {
    const checked = verifyUserSig(userSig, { userId, app, key, nowMs: Date.now() })
    if ('refusal' in checked) throw refused(checked.refusal)
    return { id: userId, role: admins.has(userId) ? 'admin' : 'member', grants: [], ...checked }
  }

  return async function authenticate(auth) {
    const { token, userId, userSig } = (typeof auth === 'object' && auth !== null ? auth : {}) as {
      readonly [field in 'token' | 'userId' | 'userSig']?: unknown
    }
    if (typeof token === 'string' && token !== '') return await checkToken(token)
    if (typeof userId !== 'string' || typeof userSig !== 'string' || !isIdentifier(userId))
      throw refused('auth must be { token } or { userId, userSig }')
    if (userSigKey === undefined) throw refused('UserSigs are not taken here (USERSIG_SECRET_KEY)')
    return checkUser(userId, userSig, userSigKey)
  }
}

const refused = (why: string) => new GatewayError('TOKEN_REFUSED', why)

/** Refused credentials of one address before it has to wait; far more than one who reloads with an old token needs. */
const MAX_FAILURES = 30
const FAILURES_WITHIN_S = 60

/** Who shows this credential from there. Rejects like `Authenticate`, or with TOO_MANY_FAILURES. */
export type FailureLimiter = (request: IncomingMessage, auth: unknown) => Promise<Principal>

/** Makes addresses wait that show wrong credentials again and again, and nobody else. */
export function limitFailures(authenticate: Authenticate, addressOf: ClientAddress): FailureLimiter {
  const failures = new RateLimiterMemory({ points: MAX_FAILURES, duration: FAILURES_WITHIN_S })

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
