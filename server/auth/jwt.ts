import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { decodeProtectedHeader, SignJWT } from 'jose'
import { MAX_TOKEN_CHARACTERS } from '../../shared/limits.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { Logger } from '../telemetry/logger.ts'
import { namedClaims } from './claim-names.ts'
import type { ClaimNames } from './claim-names.ts'
import { readClaims } from './claims.ts'
import { createJwks } from './jwks.ts'
import { isPublicKeyAlgorithm } from './key-set.ts'
import type { Principal } from './principal.ts'
import { quote, UnprovenCredential } from './refused.ts'
import { createRoleDoubts } from './role-claim.ts'
import { TokenCache } from './token-cache.ts'

/** Secrets and public keys have separate algorithms. Otherwise, a public key could be used as a secret to sign tokens. */
const SECRET_ALGORITHM = 'HS256'

export interface JwtOptions {
  /** Secrets of HS256 tokens; several during a rotation. */
  readonly secrets: readonly string[]
  /** URL (http:, https: or file:) of the JWKS with the public keys. */
  readonly jwksUrl?: string | undefined
  /** Values of `iss`, and of `aud`, of which a token must have one. */
  readonly issuers?: readonly string[] | undefined
  readonly audiences?: readonly string[] | undefined
  /** Which claims say who the user is. */
  readonly names?: ClaimNames | undefined
}

/** Rejects with TOKEN_REFUSED or TOKEN_EXPIRED and the reason, or with KEYS_UNAVAILABLE while the public keys cannot be read. */
export type VerifyJwt = (token: string) => Promise<Principal>

/** Verifies JWTs with the claims `sub` and `exp`, and optionally `role` and `rooms`, or the claims that stand for them. */
export function createJwtVerifier(
  { secrets, jwksUrl, ...expected }: JwtOptions,
  log: Pick<Logger, 'info' | 'warn'>,
): VerifyJwt {
  // Only for secrets, which never change while the process runs. A public key can be withdrawn.
  const cache = new TokenCache()
  const secretKeys = secrets.map((secret) => createSecretKey(secret, 'utf8'))
  const jwks = jwksUrl === undefined ? undefined : createJwks(jwksUrl, log)

  const noteDoubt = createRoleDoubts(log)
  const read = (payload: Uint8Array): Principal => {
    const principal = readClaims(payload, expected)
    if (principal.roleClaim !== undefined) noteDoubt(principal.roleClaim)
    return principal
  }

  return async (token) => {
    const cached = token.length > MAX_TOKEN_CHARACTERS ? undefined : cache.find(token)
    if (cached !== undefined) return cached
    const { alg, kid } = readHeader(token)
    if (alg === SECRET_ALGORITHM && secretKeys.length > 0) {
      const principal = read(verifyWithAny(secretKeys, token))
      cache.add(token, principal)
      return principal
    }
    if (typeof alg === 'string' && isPublicKeyAlgorithm(alg) && jwks !== undefined) {
      const header = { alg, kid: typeof kid === 'string' && kid !== '' ? kid : undefined }
      return read(await jwks.verify(token, header))
    }
    throw new UnprovenCredential(`tokens signed with ${quote(alg)} are not accepted here`)
  }
}

/**
 * Returns the header of a token. Throws TOKEN_REFUSED unless it is in the one form that RFC 7515 allows: otherwise there were
 * many texts for one token, with padding or unused bits, and each would count as another.
 */
function readHeader(token: string): { readonly alg?: unknown; readonly kid?: unknown } {
  if (token.length > MAX_TOKEN_CHARACTERS) throw new UnprovenCredential('it is too long')
  if (/^Bearer\s/i.test(token)) throw new UnprovenCredential('it must be the token alone, without "Bearer"')
  if (!COMPACT.test(token) || !isCanonical(token.slice(token.lastIndexOf('.') + 1)))
    throw new UnprovenCredential('it is not a signed JWT: three parts in base64url without padding')
  try {
    const header = decodeProtectedHeader(token)
    if (header.crit === undefined) return header
  } catch (cause) {
    throw new UnprovenCredential('its header is not JSON', { cause })
  }
  throw new UnprovenCredential('its header has critical extensions (crit), which are not known here')
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Of the three parts, the signature alone can be changed without the signer. */
const isCanonical = (signature: string): boolean =>
  Buffer.from(signature, 'base64url').toString('base64url') === signature

/**
 * Returns the payload of a token in the form that `readHeader` requires, if one of the keys has signed it with HS256. Throws
 * TOKEN_REFUSED if none has. jose would verify it in another thread, which takes ten times as long for so few bytes.
 */
function verifyWithAny(keys: readonly KeyObject[], token: string): Uint8Array {
  const end = token.lastIndexOf('.')
  const signed = token.slice(0, end)
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  for (const key of keys) {
    const right = createHmac('sha256', key).update(signed).digest()
    // A wrong length tells nothing: it is the same for all keys.
    if (right.length === signature.length && timingSafeEqual(right, signature))
      return Buffer.from(token.slice(token.indexOf('.') + 1, end), 'base64url')
  }
  throw new UnprovenCredential('its signature is invalid')
}

interface TokenClaims {
  readonly id: string
  readonly role: 'admin' | 'member'
  readonly rooms: readonly Conversation[]
  readonly ttlS: number
}

interface IssuerOptions {
  readonly secret: string
  readonly issuers?: readonly string[] | undefined
  readonly audiences?: readonly string[] | undefined
  readonly names?: ClaimNames | undefined
}

/** Signs a JWT that a gateway with these settings accepts. */
export function signToken(
  { ttlS, ...user }: TokenClaims,
  { secret, issuers: [issuer] = [], audiences: [audience] = [], names = {} }: IssuerOptions,
): Promise<string> {
  const nowS = Math.floor(Date.now() / 1_000)
  const issuerClaims = {
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
  }
  return new SignJWT({ ...namedClaims(user, names), ...issuerClaims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ttlS)
    .sign(new TextEncoder().encode(secret))
}
