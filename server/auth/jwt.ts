import { createHash } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import type { JWTPayload } from 'jose'
import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import type { Conversation } from '../../shared/recall.ts'
import { createJwks, isUnavailable } from './jwks.ts'
import type { Principal } from './principal.ts'

const MAX_TOKEN_CHARACTERS = 12_288
const MAX_GRANTS = 1_000
/** Tolerated clock skew, for `nbf` only: `exp` is exact. */
const CLOCK_TOLERANCE_S = 5
/** Secrets and public keys have separate algorithms. Otherwise, a public key could be used as a secret to sign tokens. */
const SECRET_ALGORITHMS = ['HS256']
const PUBLIC_KEY_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']

export interface JwtOptions {
  /** Secrets of HS256 tokens; several during a rotation. */
  readonly secrets: readonly string[]
  /** URL (http:, https: or file:) of the JWKS with the public keys. */
  readonly jwksUrl?: string | undefined
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** Rejects with TOKEN_REFUSED and the reason, or with KEYS_UNAVAILABLE while the public keys cannot be read. */
export type VerifyJwt = (token: string) => Promise<Principal>

/** Verifies JWTs with the claims `sub` and `exp`, and optionally `role` and `rooms`. */
export function createJwtVerifier({ secrets, jwksUrl, issuer, audience }: JwtOptions): VerifyJwt {
  const claims = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: CLOCK_TOLERANCE_S,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  }
  // Only for secrets, which never change while the process runs. A public key can be withdrawn.
  const cache = new TokenCache()
  const verifiers = secrets.map((secret): VerifyJwt => {
    const key = importSecret(secret)
    return async (token) => {
      const options = { ...claims, algorithms: SECRET_ALGORITHMS }
      const principal = toPrincipal((await jwtVerify(token, await key, options)).payload)
      cache.add(token, principal)
      return principal
    }
  })
  if (jwksUrl !== undefined) {
    const keys = createJwks(jwksUrl)
    const options = { ...claims, algorithms: PUBLIC_KEY_ALGORITHMS }
    verifiers.push(async (token) => toPrincipal((await jwtVerify(token, keys, options)).payload))
  }

  return async (token) => {
    if (token.length > MAX_TOKEN_CHARACTERS) throw refused('it is too long')
    return cache.find(token) ?? (await verifyWithAny(verifiers, token))
  }
}

/** Imports a secret once. Given bytes, jose would import them for each token, which takes longer than verifying one. */
const importSecret = (secret: string) =>
  crypto.subtle.importKey('raw', new TextEncoder().encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ])

async function verifyWithAny(verifiers: readonly VerifyJwt[], token: string): Promise<Principal> {
  let cause: unknown
  for (const verify of verifiers) {
    try {
      return await verify(token)
    } catch (error) {
      // The signature is valid and the claims are not: no other key would accept them.
      if (error instanceof GatewayError) throw error
      // Expiry is only reported for a valid signature, so it says more than the failures of the other keys.
      if (!(cause instanceof errors.JWTExpired)) cause = error
    }
  }
  if (cause instanceof errors.JWTExpired) throw refused('it has expired', cause)
  if (cause !== undefined && isUnavailable(cause))
    throw new GatewayError('KEYS_UNAVAILABLE', undefined, { cause })
  throw refused('its signature, algorithm, issuer, audience or times are invalid', cause)
}

function toPrincipal({ sub, exp, role = 'member', rooms = [] }: JWTPayload): Principal {
  if (typeof sub !== 'string' || !isIdentifier(sub)) throw refused('sub must be printable text')
  if (exp === undefined || !Number.isSafeInteger(exp)) throw refused('exp must be in whole seconds')
  if (exp * 1_000 <= Date.now()) throw refused('it has expired')
  if (role !== 'admin' && role !== 'member') throw refused('role must be admin or member')
  return { id: sub, role, grants: toGrants(rooms), expiresAtMs: exp * 1_000 }
}

function toGrants(rooms: unknown): Conversation[] {
  if (!Array.isArray(rooms) || rooms.length > MAX_GRANTS) {
    throw refused(`rooms must be a list of at most ${MAX_GRANTS}`)
  }
  return rooms.map((grant: unknown) => {
    const { group, topic } = isRecord(grant) ? grant : {}
    if (typeof group !== 'string' || !isIdentifier(group))
      throw refused('each entry of rooms must have a group')
    if (topic === undefined) return { group }
    if (typeof topic !== 'string' || !isIdentifier(topic))
      throw refused('the topic of an entry of rooms must be printable text')
    return { group, topic }
  })
}

const refused = (why: string, cause?: unknown) => new GatewayError('TOKEN_REFUSED', why, { cause })

/** Enough for the sockets of a lost node that reconnect together. */
const MAX_CACHED_TOKENS = 20_000
/** Grants of all cached tokens, about 30 MB: a single token may hold a thousand. */
const MAX_CACHED_GRANTS = 400_000

/**
 * Caches the principals of verified tokens until they expire. A socket that reconnects presents the same token again, and
 * verifying it is a large part of the cost of a handshake. Stores digests, never tokens, and evicts the token cached first.
 */
class TokenCache {
  readonly #byDigest = new Map<string, Principal>()
  #grants = 0

  find(token: string): Principal | undefined {
    const principal = this.#byDigest.get(digestOf(token))
    return principal !== undefined && principal.expiresAtMs > Date.now() ? principal : undefined
  }

  add(token: string, principal: Principal): void {
    const digest = digestOf(token)
    this.#grants += principal.grants.length - (this.#byDigest.get(digest)?.grants.length ?? 0)
    this.#byDigest.set(digest, principal)
    for (const [first, { grants }] of this.#byDigest) {
      if (this.#byDigest.size <= MAX_CACHED_TOKENS && this.#grants <= MAX_CACHED_GRANTS) break
      this.#byDigest.delete(first)
      this.#grants -= grants.length
    }
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64')

interface TokenClaims {
  readonly id: string
  readonly role: 'admin' | 'member'
  readonly rooms: readonly Conversation[]
  readonly ttlS: number
}

interface IssuerOptions {
  readonly secret: string
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** Signs a JWT that a gateway with these settings accepts. */
export function signToken(
  { id, role, rooms, ttlS }: TokenClaims,
  { secret, issuer, audience }: IssuerOptions,
): Promise<string> {
  const nowS = Math.floor(Date.now() / 1_000)
  const issuerClaims = {
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
  }
  return new SignJWT({ role, ...(rooms.length > 0 && { rooms }), ...issuerClaims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ttlS)
    .sign(new TextEncoder().encode(secret))
}
