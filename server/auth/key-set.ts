import { compactVerify, errors, importJWK } from 'jose'
import type { CryptoKey, JWK } from 'jose'
import { isRecord } from '../../shared/json.ts'
import { quote, UnprovenCredential } from './refused.ts'

/** Algorithms of tokens, each with the keys that it takes. */
const KEYS_OF = {
  RS256: { kty: 'RSA', algorithms: ['RS256'] },
  RS384: { kty: 'RSA', algorithms: ['RS384'] },
  RS512: { kty: 'RSA', algorithms: ['RS512'] },
  PS256: { kty: 'RSA', algorithms: ['PS256'] },
  PS384: { kty: 'RSA', algorithms: ['PS384'] },
  PS512: { kty: 'RSA', algorithms: ['PS512'] },
  ES256: { kty: 'EC', crv: 'P-256', algorithms: ['ES256'] },
  ES384: { kty: 'EC', crv: 'P-384', algorithms: ['ES384'] },
  ES512: { kty: 'EC', crv: 'P-521', algorithms: ['ES512'] },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', algorithms: ['EdDSA', 'Ed25519'] },
  // The same, by its newer name (RFC 9864).
  Ed25519: { kty: 'OKP', crv: 'Ed25519', algorithms: ['EdDSA', 'Ed25519'] },
} as const

export type PublicKeyAlgorithm = keyof typeof KEYS_OF

export const isPublicKeyAlgorithm = (algorithm: string): algorithm is PublicKeyAlgorithm =>
  Object.hasOwn(KEYS_OF, algorithm)

/** Shorter RSA keys can be broken, and the library refuses them. Longer ones than the maximum cost too much to verify with. */
const MIN_RSA_BITS = 2_048
const MAX_RSA_BITS = 8_192
/** How many keys a token without a key id is tried with. */
const MAX_CANDIDATES = 16

/** What the header of a token says about its key. */
export interface TokenHeader {
  readonly alg: PublicKeyAlgorithm
  readonly kid?: string | undefined
}

/** No key of the set verifies the token, or not the one that it names. */
export type Failed = 'no-key' | 'signature'

/** The claims of a verified token, in JSON. */
export type Verified = { readonly payload: Uint8Array } | { readonly failed: Failed }

interface Key {
  readonly jwk: JWK
  readonly kid: string | undefined
  readonly kty: unknown
  readonly crv: unknown
  readonly alg: string | undefined
  readonly imported: Map<string, Promise<CryptoKey | Uint8Array | undefined>>
}

/** The keys of a JWKS that can verify tokens. The others are ignored, as RFC 7517 requires: a set may serve others too. */
export class KeySet {
  readonly #keys: readonly Key[]
  /** Why keys are ignored, in the words of the log. */
  readonly ignored: readonly string[]

  /** Throws if the text is no JWKS at all. */
  constructor(text: string) {
    const document: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    if (!isRecord(document) || !Array.isArray(document['keys']))
      throw new Error('it is no JWKS: it must be { "keys": […] }')
    const keys: Key[] = []
    const ignored: string[] = []
    for (const entry of document['keys'] as unknown[]) {
      const key = readKey(entry)
      if (typeof key === 'string') ignored.push(key)
      else keys.push(key)
    }
    this.#keys = keys
    this.ignored = ignored
  }

  get size(): number {
    return this.#keys.length
  }

  /** Tries the keys that the token names, then those without a name; if it names none, all that fit. */
  async verify(token: string, { alg, kid }: TokenHeader): Promise<Verified> {
    const fitting = this.#keys.filter((key) => fits(key, alg))
    const named = kid === undefined ? fitting : fitting.filter((key) => key.kid === kid)
    const unnamed = kid === undefined ? [] : fitting.filter((key) => key.kid === undefined)
    const candidates = [...named, ...unnamed]
    for (const key of candidates.slice(0, MAX_CANDIDATES)) {
      const payload = await verifyWith(key, token, alg)
      if (payload !== undefined) return { payload }
    }
    return { failed: kid !== undefined && named.length > 0 ? 'signature' : 'no-key' }
  }
}

function fits({ kty, crv, alg: only }: Key, alg: PublicKeyAlgorithm): boolean {
  const wanted: { kty: string; crv?: string; algorithms: readonly string[] } = KEYS_OF[alg]
  return kty === wanted.kty && crv === wanted.crv && (only === undefined || wanted.algorithms.includes(only))
}

async function verifyWith(key: Key, token: string, alg: string): Promise<Uint8Array | undefined> {
  const imported = key.imported.get(alg) ?? importJWK(key.jwk, alg).catch(() => undefined)
  key.imported.set(alg, imported)
  const publicKey = await imported
  if (publicKey === undefined) return undefined
  try {
    return (await compactVerify(token, publicKey, { algorithms: [alg] })).payload
  } catch (error) {
    if (error instanceof errors.JWSInvalid || error instanceof errors.JOSENotSupported)
      throw new UnprovenCredential('it is malformed', { cause: error })
    // Another key, or one that the library does not take: neither says anything about the other keys.
    return undefined
  }
}

/** Returns the key, or why it is ignored. */
function readKey(entry: unknown): Key | string {
  if (!isRecord(entry)) return 'an entry that is no object'
  const { kty, crv, n, e, x, y } = entry
  const [kid, use, alg] = [entry['kid'], entry['use'], entry['alg']].map((value) =>
    typeof value === 'string' && value !== '' ? value : undefined,
  )
  const name = kid === undefined ? 'a key without kid' : quote(kid)
  if (use !== undefined && use !== 'sig') return `${name} is not for signatures`
  const operations: unknown = entry['key_ops']
  if (Array.isArray(operations) && operations.length > 0 && !operations.includes('verify'))
    return `${name} is not for signatures`
  // Only the public members: a set that contains private keys by mistake is as good as another.
  const key = { kid, kty, crv, alg, imported: new Map<string, Promise<CryptoKey | Uint8Array | undefined>>() }
  if (kty === 'RSA') {
    const bits = typeof n === 'string' ? bitsOf(n) : 0
    if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
      return `${name} has ${bits} bits, not ${MIN_RSA_BITS} to ${MAX_RSA_BITS}`
    return { ...key, crv: undefined, jwk: { kty, n, e } as JWK }
  }
  if (kty === 'EC' && typeof crv === 'string' && /^P-(256|384|521)$/.test(crv))
    return { ...key, jwk: { kty, crv, x, y } as JWK }
  if (kty === 'OKP' && crv === 'Ed25519') return { ...key, jwk: { kty, crv, x } as JWK }
  return `${name} is of another kind (${quote(kty)}${crv === undefined ? '' : ` ${quote(crv)}`})`
}

/** The length of a number in base64url, without leading zeros. */
function bitsOf(text: string): number {
  const bytes = Buffer.from(text, 'base64url')
  const first = bytes.findIndex((byte) => byte !== 0)
  return first === -1 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24
}
