import { GOODBYES } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { bufferedBytes, onPing, terminate } from './internals.ts'
import type { Connection, GatewaySocket, GatewaySockets } from './internals.ts'

/** Far above what a burst buffers briefly, and far below the level at which many slow sockets exhaust a node's memory. */
const MAX_BUFFERED_BYTES = 1024 * 1024
const CHECK_INTERVAL_MS = 1_000
/** Leaves time to read what is buffered, and the goodbye behind it. */
const GRACE_MS = 5_000

interface Watched {
  readonly onClosed: () => void
  /** Undefined until the connection has authenticated. */
  socket: GatewaySocket | undefined
  /** When the connection is terminated, once it has been found slow. */
  endsAtMs: number | undefined
}

/**
 * Disconnects each connection with too much buffered, so that its client reconnects with its positions. Peers that still
 * read receive a goodbye; the others are terminated a moment later, and nothing is added to their buffers meanwhile.
 * Connections that have not authenticated are watched too. So is every ping, because the response is as large and is
 * buffered whether the peer reads it or not.
 */
export function watchSlowConsumers(io: GatewaySockets, { metrics, log }: { metrics: Metrics; log: Logger }) {
  const connections = new Map<Connection, Watched>()

  function check(connection: Connection): void {
    const watched = connections.get(connection)
    if (watched === undefined) return
    if (watched.endsAtMs !== undefined) {
      if (performance.now() >= watched.endsAtMs) terminate(connection)
      return
    }
    const waitingBytes = bufferedBytes(connection)
    if (waitingBytes <= MAX_BUFFERED_BYTES) return
    watched.endsAtMs = performance.now() + GRACE_MS
    metrics.slowConsumerDisconnected()
    log.warn({ waitingBytes }, 'slow consumer disconnected')
    watched.socket?.emit('goodbye', GOODBYES.TOO_SLOW)
    connection.close()
    // A peer that has not authenticated has nothing to miss.
    if (watched.socket === undefined) terminate(connection)
  }

  // One function for all connections rather than a closure for each, because there are many.
  function forget(this: Connection): void {
    const watched = connections.get(this)
    connections.delete(this)
    watched?.onClosed()
    // Socket.IO considers it closed; ws would wait much longer for a peer that does not respond.
    setTimeout(() => terminate(this), GRACE_MS).unref()
  }

  io.on('connection', (socket) => {
    const watched = connections.get(socket.conn)
    if (watched) watched.socket = socket
  })
  const timer = setInterval(() => [...connections.keys()].forEach(check), CHECK_INTERVAL_MS)
  timer.unref()

  return {
    /** Watches a connection from the moment it is opened. Calls `onClosed` once it is closed. */
    watch(connection: Connection, onClosed: () => void): void {
      connections.set(connection, { onClosed, socket: undefined, endsAtMs: undefined })
      connection.on('close', forget)
      onPing(connection, () => check(connection))
    },

    /** Returns how many bytes are buffered for the slowest connection. */
    maxBufferedBytes: (): number =>
      [...connections.keys()].reduce((max, connection) => Math.max(max, bufferedBytes(connection)), 0),

    stop: (): void => clearInterval(timer),
  }
}
