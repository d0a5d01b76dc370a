import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import type { Principal } from './principal.ts'
import { createTokenCheck } from './token.ts'
import type { TokenOptions } from './token.ts'
import { checkUserSig } from './user-sig.ts'

/**
 * Takes the `auth` of a handshake to a principal. Rejects with TOKEN_REFUSED, saying which part is wrong, or with
 * KEYS_UNAVAILABLE when nobody can tell now.
 */
export type Authenticate = (auth: unknown) => Promise<Principal>

interface AuthenticateOptions extends TokenOptions {
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
  const checkToken = createTokenCheck(options)
  const admins = new Set(adminUserIds)

  function checkUser(userId: string, userSig: string, key: string): Principal {
    const checked = checkUserSig(userSig, { userId, app, key, nowMs: Date.now() })
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
