import { errors, jwtVerify } from 'jose'
import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import type { Conversation } from '../../shared/recall.ts'
import type { Principal } from './principal.ts'

const TOKEN_AT_MOST_CHARACTERS = 12_288
const GRANTS_AT_MOST = 1_000

/** Takes the `auth` of a handshake to a principal. Rejects with TOKEN_REFUSED, saying which part is wrong. */
export type Authenticate = (auth: unknown) => Promise<Principal>

/** Verifies `{ token }`, a JWT signed with HS256 and `secret`, with the claims `sub`, `exp`, `role` and `rooms`. */
export function createAuthenticate({ secret }: { readonly secret: string }): Authenticate {
  const key = new TextEncoder().encode(secret)

  return async function authenticate(auth) {
    const token = isRecord(auth) ? auth['token'] : undefined
    if (typeof token !== 'string' || token === '') throw refused('auth must be { token }')
    if (token.length > TOKEN_AT_MOST_CHARACTERS) throw refused('it is too long')
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      requiredClaims: ['sub', 'exp'],
    }).catch((cause: unknown) => {
      const ended = cause instanceof errors.JWTExpired
      throw refused(ended ? 'it has ended' : 'its signature, algorithm or times do not hold', cause)
    })
    const { sub, exp, role = 'member', rooms = [] } = payload
    if (typeof sub !== 'string' || !isIdentifier(sub)) throw refused('sub must be printable text')
    if (exp === undefined || !Number.isSafeInteger(exp)) throw refused('exp must be whole seconds')
    if (role !== 'admin' && role !== 'member') throw refused('role must be admin or member')
    return { id: sub, role, grants: toGrants(rooms), expiresAtMs: exp * 1_000 }
  }
}

function toGrants(rooms: unknown): Conversation[] {
  if (!Array.isArray(rooms) || rooms.length > GRANTS_AT_MOST) {
    throw refused(`rooms must be a list of at most ${GRANTS_AT_MOST}`)
  }
  return rooms.map((grant: unknown) => {
    const { group, topic } = isRecord(grant) ? grant : {}
    if (typeof group !== 'string' || !isIdentifier(group)) throw refused('each of rooms must have a group')
    if (topic === undefined) return { group }
    if (typeof topic !== 'string' || !isIdentifier(topic))
      throw refused('a topic of rooms must be printable text')
    return { group, topic }
  })
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const refused = (why: string, cause?: unknown) => new GatewayError('TOKEN_REFUSED', why, { cause })
