import type { Logger } from '../ops/logger.ts'
import type { GatewaySocket, GatewaySockets } from './gateway-socket.ts'

/** Far above what a burst leaves waiting for a moment, far below what many slow sockets could fill a node with. */
const WAITING_AT_MOST_BYTES = 1024 * 1024
const LOOK_EVERY_MS = 1_000

type Connection = GatewaySocket['conn']

/** What Socket.IO and ws hold back, as far as it matters here: inner fields of both, any of which may be missing. */
interface Inner {
  readonly writeBuffer?: readonly { readonly data?: unknown }[]
  readonly transport?: {
    readonly socket?: {
      readonly bufferedAmount?: number
      on?(event: 'ping', listener: () => void): void
      terminate?(): void
    }
  }
}

/**
 * Cuts each connection for which too much waits to be sent, in a way that makes clients come back with their positions.
 * Connections that have not shown a token are watched too, and each ping is: it is answered with as many bytes, whether
 * the peer reads them or not. Answers how to stop.
 */
export function cutSlowSockets(io: GatewaySockets, log: Logger): () => void {
  const connections = new Set<Connection>()
  io.engine.on('connection', (connection: Connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    innerOf(connection).transport?.socket?.on?.('ping', () => cutIfSlow(connection, log))
  })
  const looking = setInterval(() => {
    for (const connection of connections) cutIfSlow(connection, log)
  }, LOOK_EVERY_MS)
  looking.unref()
  return () => clearInterval(looking)
}

function cutIfSlow(connection: Connection, log: Logger): void {
  const { writeBuffer = [], transport } = innerOf(connection)
  const queued = writeBuffer.reduce((sum, { data }) => sum + (typeof data === 'string' ? data.length : 0), 0)
  const waitingBytes = queued + (transport?.socket?.bufferedAmount ?? 0)
  if (waitingBytes <= WAITING_AT_MOST_BYTES) return
  log.warn({ waitingBytes }, 'socket too slow, cut off')
  connection.close(true)
  // A close handshake would wait for a peer that does not read, and hold all that waits meanwhile.
  transport?.socket?.terminate?.()
}

const innerOf = (connection: Connection): Inner => connection as unknown as Inner
