import { GOODBYES } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { bufferedBytes, onPing, terminate } from './internals.ts'
import type { Connection, GatewaySocket, GatewaySockets } from './internals.ts'

/** Far above what a burst leaves waiting for a moment, far below what many slow sockets could fill a node with. */
const MAX_BUFFERED_BYTES = 1024 * 1024
const CHECK_INTERVAL_MS = 1_000
/** For what waits, and the goodbye behind it, to be read after all. */
const GRACE_MS = 5_000

interface Watched {
  readonly onClosed: () => void
  /** Undefined until the connection has shown a token. */
  socket: GatewaySocket | undefined
  endsAtMs: number | undefined
}

/**
 * Ends each connection for which too much waits to be sent, in a way that makes clients come back with their positions:
 * with a goodbye for those that still read, cut off a moment later for those that do not. Nothing is added to what waits
 * meanwhile. Connections that have not shown a token are watched too, and each ping is: it is answered with as many
 * bytes, whether the peer reads them or not.
 */
export function watchSlowConsumers(io: GatewaySockets, { metrics, log }: { metrics: Metrics; log: Logger }) {
  const connections = new Map<Connection, Watched>()

  function look(connection: Connection): void {
    const watched = connections.get(connection)
    if (watched === undefined) return
    if (watched.endsAtMs !== undefined) {
      if (performance.now() >= watched.endsAtMs) terminate(connection)
      return
    }
    const waitingBytes = bufferedBytes(connection)
    if (waitingBytes <= MAX_BUFFERED_BYTES) return
    watched.endsAtMs = performance.now() + GRACE_MS
    metrics.socketTooSlow()
    log.warn({ waitingBytes }, 'socket too slow, sent away')
    watched.socket?.emit('goodbye', GOODBYES.TOO_SLOW)
    connection.close()
    // Without a token there is nothing that it could miss.
    if (watched.socket === undefined) terminate(connection)
  }

  // One function for all connections, and one listener each: there are many of them.
  function forget(this: Connection): void {
    const watched = connections.get(this)
    connections.delete(this)
    watched?.onClosed()
    // Closed it is for Socket.IO; below, a peer that does not answer is waited for much longer.
    setTimeout(() => terminate(this), GRACE_MS).unref()
  }

  io.on('connection', (socket) => {
    const watched = connections.get(socket.conn)
    if (watched) watched.socket = socket
  })
  const looking = setInterval(() => [...connections.keys()].forEach(look), CHECK_INTERVAL_MS)
  looking.unref()

  return {
    /** From its first moment on; `onClosed` is called when it is gone. */
    watch(connection: Connection, onClosed: () => void): void {
      connections.set(connection, { onClosed, socket: undefined, endsAtMs: undefined })
      connection.on('close', forget)
      onPing(connection, () => look(connection))
    },

    /** Returns how many bytes are buffered for the slowest connection. */
    maxBufferedBytes: (): number =>
      [...connections.keys()].reduce((most, one) => Math.max(most, bufferedBytes(one)), 0),
    stop: (): void => clearInterval(looking),
  }
}
