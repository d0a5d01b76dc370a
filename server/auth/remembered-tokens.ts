import { createHash } from 'node:crypto'
import type { Principal } from './principal.ts'

/** As many as sockets that come back together after a node was lost. */
const TOKENS_AT_MOST = 20_000
/** A token may hold a thousand; about 30 MB. */
const GRANTS_AT_MOST = 400_000

/**
 * Who showed which token, until it ends: sockets that come back show the token that they came with, and verifying it again
 * is a large part of what a handshake costs. Holds digests, never a token; the one that was added first is forgotten first.
 */
export class RememberedTokens {
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
      if (this.#byDigest.size <= TOKENS_AT_MOST && this.#grants <= GRANTS_AT_MOST) break
      this.#byDigest.delete(first)
      this.#grants -= grants.length
    }
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64')
