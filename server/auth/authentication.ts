import { isRecord } from '../../shared/json.ts'
import type { Logger } from '../telemetry/logger.ts'
import { readIdentifier } from './claims.ts'
import { createJwtVerifier } from './jwt.ts'
import type { JwtOptions } from './jwt.ts'
import type { Principal } from './principal.ts'
import { expired, refused, UnprovenCredential } from './refused.ts'
import { verifyUserSig } from './usersig.ts'

/**
 * Resolves a credential, the `auth` of a handshake, to its principal: `{ token }` or `{ userId, userSig }`. Rejects with
 * TOKEN_REFUSED or TOKEN_EXPIRED and the reason, or with KEYS_UNAVAILABLE while the public keys cannot be read.
 */
export type Authenticate = (auth: unknown) => Promise<Principal>

interface AuthenticateOptions extends JwtOptions {
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** The key that signs UserSigs; without it, UserSigs are refused. */
  readonly userSigKey?: string | undefined
  /** Users who are admins when they present a UserSig. A token names the role itself. */
  readonly adminUserIds: readonly string[]
  readonly log: Pick<Logger, 'info' | 'warn'>
}

export function createAuthenticate({
  app,
  userSigKey,
  adminUserIds,
  log,
  ...jwtOptions
}: AuthenticateOptions): Authenticate {
  const verifyJwt = createJwtVerifier(jwtOptions, log)
  const admins = new Set(adminUserIds)

  return async function authenticate(auth) {
    const { token, userId, userSig } = isRecord(auth) ? auth : {}
    if (typeof token === 'string' && token !== '') return await verifyJwt(token)
    // Without any credential, it is no guess. If it counted as one, any page could lock out the address of its visitors.
    const id = readIdentifier(userId)
    if (id === undefined || typeof userSig !== 'string' || userSig === '')
      throw refused('auth must be { token } or { userId, userSig }')
    if (userSigKey === undefined) throw refused('UserSigs are not accepted here (USERSIG_SECRET_KEY)')
    const verified = verifyUserSig(userSig, { userId: id, app, key: userSigKey, nowMs: Date.now() })
    if ('refusal' in verified) {
      const { refusal, isSigned, expiredAtMs, ...time } = verified
      if (expiredAtMs !== undefined) throw expired(expiredAtMs)
      throw isSigned ? refused(refusal, time) : new UnprovenCredential(refusal)
    }
    return { id, role: admins.has(id) ? 'admin' : 'member', grants: [], ...verified }
  }
}
