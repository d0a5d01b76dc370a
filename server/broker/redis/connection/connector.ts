import { createConnection, isIP, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector } from 'ioredis'
import type { Address, Locate } from './address.ts'

/** A frozen server does not close its end; after this long we close ours. */
const CLOSE_TIMEOUT_MS = 200
/** How long one address of a name may take to connect before the next one is tried. Servers are near, and discovery takes 500 ms. */
const ADDRESS_TIMEOUT_MS = 250

interface ConnectorOptions {
  readonly tls: boolean
  /** Refuse replicas. */
  readonly masterOnly: boolean
}

interface ConnectorDependencies {
  readonly locate: Locate
  /** Called with the address of each connection before it is opened. */
  readonly onAddress?: (address: Address) => void
}

/**
 * Makes the client open every connection, the first and each later one, to the server that holds the keys at that moment. A
 * failover, a moved slot and a broken connection thus become one case, fixed by reconnecting. Also used where the address
 * is fixed, for its error handling.
 */
export function connectorTo(
  { tls, masterOnly }: ConnectorOptions,
  { locate, onAddress }: ConnectorDependencies,
): new () => AbstractConnector {
  return class extends AbstractConnector {
    constructor() {
      super(CLOSE_TIMEOUT_MS)
    }

    /** Returns whether the server is the right one: what a sentinel or node said may be out of date. */
    override check(info: { readonly role?: string }): boolean {
      return !masterOnly || info.role === undefined || info.role === 'master'
    }

    /** Never rejects, because the client would give up for good. It retries when the stream is already closed. */
    override async connect(): Promise<Socket> {
      this.connecting = true
      try {
        const address = await locate()
        if (!this.connecting) return (this.stream = closedStream())
        onAddress?.(address)
        const stream = tls ? connectTls(tlsOptions(address)) : createConnection(tcpOptions(address))
        stream.once('error', (error) => (this.firstError = error))
        // The client listens for one error only. TLS may emit another one, which would end the process.
        stream.on('error', () => undefined)
        return (this.stream = stream)
      } catch (error) {
        this.firstError = error instanceof Error ? error : new Error(String(error))
        return (this.stream = closedStream())
      }
    }
  }
}

const tcpOptions = ({ host, port }: Address) => ({
  host,
  port,
  autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
})

/** Names the server in the handshake: proxies in front of many servers choose by it. It must not be an address. */
const tlsOptions = (address: Address) => ({
  ...tcpOptions(address),
  ...(isIP(address.host) === 0 && { servername: address.host }),
})

const closedStream = (): Socket => new Socket().destroy()
