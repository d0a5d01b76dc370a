import { errors, jwtVerify } from 'jose'
import type { JWTPayload } from 'jose'
import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import type { Conversation } from '../../shared/recall.ts'
import { createKeys, isUnreachable } from './jwks.ts'
import type { Principal } from './principal.ts'
import { createHash } from 'node:crypto'

const MAX_TOKEN_CHARACTERS = 12_288
const MAX_GRANTS = 1_000
/** Clocks differ; what has ended has ended all the same. */
const TOLERANCE_S = 5
/** A secret serves this algorithm alone and a public key those: else one who knows a public key could sign with it. */
const SECRET_ALGORITHMS = ['HS256']
const HMAC = { name: 'HMAC', hash: 'SHA-256' }
const KEY_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']

export interface TokenOptions {
  /** Of HS256 tokens; several while they are being rotated. */
  readonly secrets: readonly string[]
  /** Where public keys are, as a JWKS: an http(s): or file: URL. */
  readonly jwksUrl?: string | undefined
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

type Verify = (token: string) => Promise<JWTPayload>

/** Verifies tokens: JWTs with the claims `sub`, `exp`, `role` and `rooms`. Rejects with TOKEN_REFUSED, saying why. */
export function createJwtVerifier({ secrets, jwksUrl, issuer, audience }: TokenOptions) {
  const claims = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: TOLERANCE_S,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  }
  const bySecret = secrets.map((secret): Verify => {
    // Made once: from bytes, a key would be made anew for each token, which takes longer than verifying one.
    const key = crypto.subtle.importKey('raw', new TextEncoder().encode(secret), HMAC, false, ['verify'])
    return async (token) =>
      (await jwtVerify(token, await key, { ...claims, algorithms: SECRET_ALGORITHMS })).payload
  })
  const byPublicKey: Verify[] = []
  if (jwksUrl !== undefined) {
    const keys = createKeys(jwksUrl)
    byPublicKey.push(
      async (token) => (await jwtVerify(token, keys, { ...claims, algorithms: KEY_ALGORITHMS })).payload,
    )
  }
  // Secrets stay what they are while the process runs; a public key can be taken back.
  const remembered = new TokenCache()
  const verifiers = [
    ...bySecret.map((verify) => async (token: string) => {
      const principal = toPrincipal(await verify(token))
      remembered.add(token, principal)
      return principal
    }),
    ...byPublicKey.map((verify) => async (token: string) => toPrincipal(await verify(token))),
  ]

  return async function checkToken(token: string): Promise<Principal> {
    if (token.length > MAX_TOKEN_CHARACTERS) throw refused('it is too long')
    return remembered.find(token) ?? (await verifyInAnyWay(verifiers, token))
  }
}

async function verifyInAnyWay(
  verifiers: readonly ((token: string) => Promise<Principal>)[],
  token: string,
): Promise<Principal> {
  let cause: unknown
  for (const verify of verifiers) {
    try {
      return await verify(token)
    } catch (error) {
      // Signed as it should be: no other way would think better of its claims.
      if (error instanceof GatewayError) throw error
      // What one way says of the claims counts more than what the others say of the signature.
      if (!(cause instanceof errors.JWTExpired)) cause = error
    }
  }
  if (cause instanceof errors.JWTExpired) throw refused('it has ended', cause)
  if (isUnreachable(cause)) throw new GatewayError('KEYS_UNAVAILABLE', undefined, { cause })
  throw refused('its signature, algorithm, issuer, audience or times do not hold', cause)
}

function toPrincipal({ sub, exp, role = 'member', rooms = [] }: JWTPayload): Principal {
  if (typeof sub !== 'string' || !isIdentifier(sub)) throw refused('sub must be printable text')
  if (exp === undefined || !Number.isSafeInteger(exp)) throw refused('exp must be whole seconds')
  if (exp * 1_000 <= Date.now()) throw refused('it has ended')
  if (role !== 'admin' && role !== 'member') throw refused('role must be admin or member')
  return { id: sub, role, grants: toGrants(rooms), expiresAtMs: exp * 1_000 }
}

function toGrants(rooms: unknown): Conversation[] {
  if (!Array.isArray(rooms) || rooms.length > MAX_GRANTS) {
    throw refused(`rooms must be a list of at most ${MAX_GRANTS}`)
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

const refused = (why: string, cause?: unknown) => new GatewayError('TOKEN_REFUSED', why, { cause })

/** As many as sockets that come back together after a node was lost. */
const MAX_TOKENS = 20_000
/** A token may hold a thousand; about 30 MB. */
const MAX_REMEMBERED_GRANTS = 400_000

/**
 * Who showed which token, until it ends: sockets that come back show the token that they came with, and verifying it again
 * is a large part of what a handshake costs. Holds digests, never a token; the one that was added first is forgotten first.
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
      if (this.#byDigest.size <= MAX_TOKENS && this.#grants <= MAX_REMEMBERED_GRANTS) break
      this.#byDigest.delete(first)
      this.#grants -= grants.length
    }
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64')
