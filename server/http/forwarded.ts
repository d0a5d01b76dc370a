import type { IncomingMessage } from 'node:http'
import type { ClientAddress } from './client-address.ts'

/** Of so many peers that are no trusted proxies it is remembered that they sent X-Forwarded-For. */
const MAX_PEERS = 16

/** Who said for whom a request is, since the process started. */
export interface ForwardedState {
  /** Requests of peers in TRUST_PROXY that said so. */
  readonly trusted: number
  /** Requests that said nothing. */
  readonly direct: number
  /** Peers that said so, and are not in TRUST_PROXY. */
  readonly untrusted: readonly { readonly address: string; readonly requests: number }[]
}

/** Notices which peers say for whom a request is: a proxy that TRUST_PROXY does not name makes all clients one. */
export class ForwardedWatch {
  #trusted = 0
  #direct = 0
  readonly #untrusted = new Map<string, number>()

  /** Returns the same function, which also notices. `isFromProxy`: whether the peer of a request is trusted. */
  watch(
    addressOf: ClientAddress,
    isFromProxy: (request: Pick<IncomingMessage, 'socket'>) => boolean,
  ): ClientAddress {
    return (request) => {
      const address = addressOf(request)
      if (request.headers['x-forwarded-for'] === undefined) this.#direct++
      else if (isFromProxy(request)) this.#trusted++
      else this.#note(address)
      return address
    }
  }

  state(): ForwardedState {
    const untrusted = [...this.#untrusted].map(([address, requests]) => ({ address, requests }))
    return { trusted: this.#trusted, direct: this.#direct, untrusted }
  }

  #note(address: string): void {
    const requests = this.#untrusted.get(address)
    if (requests === undefined && this.#untrusted.size >= MAX_PEERS) return
    this.#untrusted.set(address, (requests ?? 0) + 1)
  }
}
