import { createConnection, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector } from 'ioredis'
import type { Address, Locate } from './address.ts'

/** A frozen server does not close its end; then ours is. */
const CLOSE_TIMEOUT_MS = 200

interface ConnectorOptions {
  readonly tls: boolean
  /** Whether a replica is not what is looked for. */
  readonly onlyMaster: boolean
}

interface ConnectorDependencies {
  readonly locate: Locate
  /** Where a connection is being opened. */
  readonly onAddress?: (address: Address) => void
}

/**
 * Makes the client open each connection, the first one and every later one, at the server that holds our names at that
 * moment. So a failover, a slot that moved and a broken connection are one case, mended by connecting again. Where there is
 * nothing to look for it is used as well, for what it does about errors.
 */
export function connectorTo(
  { tls, onlyMaster }: ConnectorOptions,
  { locate, onAddress }: ConnectorDependencies,
): new () => AbstractConnector {
  return class extends AbstractConnector {
    constructor() {
      super(CLOSE_TIMEOUT_MS)
    }

    /** Whether a server that was reached is the one: the sentinel, or the node, may have told the past. */
    override check(info: { readonly role?: string }): boolean {
      return !onlyMaster || info.role === undefined || info.role === 'master'
    }

    /** Never rejects, since the client would give up for good: a stream that is closed already makes it try again. */
    override async connect(): Promise<Socket> {
      this.connecting = true
      try {
        const address = await locate()
        if (!this.connecting) return (this.stream = closedStream())
        onAddress?.(address)
        const stream = tls ? connectTls({ ...address }) : createConnection({ ...address })
        stream.once('error', (error) => (this.firstError = error))
        // TLS may tell another one after the first, which would end the process: the client listens once.
        stream.on('error', () => undefined)
        return (this.stream = stream)
      } catch (error) {
        this.firstError = error instanceof Error ? error : new Error(String(error))
        return (this.stream = closedStream())
      }
    }
  }
}

const closedStream = (): Socket => new Socket().destroy()
