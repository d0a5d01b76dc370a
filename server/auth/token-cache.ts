import { hash } from 'node:crypto'
import type { Principal } from './principal.ts'

/** Enough for the sockets of a lost node that reconnect together. */
const MAX_CACHED_TOKENS = 20_000
/** Grants of all cached tokens, about 30 MB: a single token may hold a thousand. */
const MAX_CACHED_GRANTS = 400_000

/**
 * Caches the principals of verified tokens until they expire. A socket that reconnects presents the same token again, and
 * verifying it is a large part of the cost of a handshake. Stores digests, never tokens, and evicts the token cached first.
 */
export class TokenCache {
  readonly #byDigest = new Map<string, Principal>()
  #grants = 0

  find(token: string): Principal | undefined {
    const digest = digestOf(token)
    const principal = this.#byDigest.get(digest)
    if (principal === undefined || principal.expiresAtMs > Date.now()) return principal
    this.#byDigest.delete(digest)
    this.#grants -= principal.grants.length
    return undefined
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

const digestOf = (token: string): string => hash('sha256', token, 'base64')
