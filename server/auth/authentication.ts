import type { IncomingMessage } from 'node:http'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { GatewayError, asGatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import { clientNetwork } from '../http/client-address.ts'
import type { ClientAddress } from '../http/client-address.ts'
import { createJwtVerifier } from './jwt.ts'
import type { JwtOptions } from './jwt.ts'
import type { Principal } from './principal.ts'
import { verifyUserSig } from './usersig.ts'

/**
 * Resolves a credential, the `auth` of a handshake, to its principal: `{ token }` or `{ userId, userSig }`. Rejects with
 * TOKEN_REFUSED and the reason, or with KEYS_UNAVAILABLE while the public keys cannot be read.
 */
export type Authenticate = (auth: unknown) => Promise<Principal>

interface AuthenticateOptions extends JwtOptions {
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** The key that signs UserSigs; without it, UserSigs are refused. */
  readonly userSigKey?: string | undefined
  /** Users who are admins when they present a UserSig. A token names the role itself. */
  readonly adminUserIds: readonly string[]
}

export function createAuthenticate({
  app,
  userSigKey,
  adminUserIds,
  ...jwtOptions
}: AuthenticateOptions): Authenticate {
  const verifyJwt = createJwtVerifier(jwtOptions)
  const admins = new Set(adminUserIds)

  return async function authenticate(auth) {
    const { token, userId, userSig } = isRecord(auth) ? auth : {}
    if (typeof token === 'string' && token !== '') return await verifyJwt(token)
    if (typeof userId !== 'string' || typeof userSig !== 'string' || !isIdentifier(userId))
      throw refused('auth must be { token } or { userId, userSig }')
    if (userSigKey === undefined) throw refused('UserSigs are not accepted here (USERSIG_SECRET_KEY)')
    const verified = verifyUserSig(userSig, { userId, app, key: userSigKey, nowMs: Date.now() })
    if ('refusal' in verified) throw refused(verified.refusal)
    return { id: userId, role: admins.has(userId) ? 'admin' : 'member', grants: [], ...verified }
  }
}

const refused = (why: string) => new GatewayError('TOKEN_REFUSED', why)

/** Far more than a client that reloads with an expired token needs. */
const MAX_FAILURES = 30
const FAILURE_WINDOW_S = 60

/** Authenticates a request. Rejects like `Authenticate`, or with TOO_MANY_FAILURES. */
export type FailureLimiter = (request: IncomingMessage, auth: unknown) => Promise<Principal>

/** Limits refused credentials per client network. Accepted ones are not counted, so others at an address are not affected. */
export function limitFailures(authenticate: Authenticate, addressOf: ClientAddress): FailureLimiter {
  const failures = new RateLimiterMemory({ points: MAX_FAILURES, duration: FAILURE_WINDOW_S })

  return async function authenticateRequest(request, auth) {
    const network = clientNetwork(addressOf(request))
    const counted = await failures.get(network)
    if (counted !== null && counted.remainingPoints <= 0) throw new GatewayError('TOO_MANY_FAILURES')
    try {
      return await authenticate(auth)
    } catch (error) {
      // `consume` rejects beyond the limit; the next request finds that out.
      if (asGatewayError(error).code === 'TOKEN_REFUSED')
        await failures.consume(network).catch(() => undefined)
      throw error
    }
  }
}
