import { createHash } from 'node:crypto'
import type { Principal } from './principal.ts'

/** As many as sockets that come back together after a node was lost. */
const TOKENS_AT_MOST = 20_000

/**
 * Who showed which token, until it ends: sockets that come back show the token that they came with, and verifying it again
 * is a large part of what a handshake costs. Holds digests, never a token; the one that was added first is forgotten first.
 */
export class RememberedTokens {
  readonly #byDigest = new Map<string, Principal>()

  find(token: string): Principal | undefined {
    const principal = this.#byDigest.get(digestOf(token))
    return principal !== undefined && principal.expiresAtMs > Date.now() ? principal : undefined
  }

  add(token: string, principal: Principal): void {
    this.#byDigest.set(digestOf(token), principal)
    if (this.#byDigest.size <= TOKENS_AT_MOST) return
    for (const first of this.#byDigest.keys()) {
      this.#byDigest.delete(first)
      break
    }
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64')
