import { GatewayError, GOODBYES } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Refusals } from '../../telemetry/refusals.ts'
import { CLOSE_GRACE_MS, MAX_BUFFERED_BYTES } from '../connection-limits.ts'
import type { Beating, Heartbeat } from './heartbeat.ts'
import { bufferedBytes, isReceiving, onControlFrame, terminate } from './internals.ts'
import type { Connection, GatewaySocket, GatewaySockets } from './internals.ts'

const CHECK_INTERVAL_MS = 1_000
/** A connection that has not presented a credential by then is closed. */
const AUTHENTICATE_TIMEOUT_MS = 10_000
/** From one check to the next. A client that exceeds its request rate by far sends fewer. */
const MAX_FRAMES = 5_000
/** From its first byte to its last. Messages are small, and mostly arrive in one piece. */
const MAX_MESSAGE_MS = 10_000

interface Watched extends Beating {
  readonly onClosed: () => void
  readonly openedAtMs: number
  /** Undefined until the connection has authenticated. */
  socket: GatewaySocket | undefined
  /** When the connection is terminated, once it is being closed. */
  endsAtMs: number | undefined
  /** Since when a message has been arriving. */
  receivingSinceMs: number | undefined
  /** Messages, pings and pongs since the last check. */
  frames: number
}

interface WatchDependencies {
  /** Undefined if Engine.IO has its own. */
  readonly heartbeat: Heartbeat | undefined
  readonly metrics: Pick<Metrics, 'slowConsumerDisconnected'>
  readonly refusals: Refusals
  readonly log: Logger
}

/**
 * Bounds what each connection may cost, from the moment it is opened, with or without a credential: what is buffered for it,
 * how much it sends and how slowly, and how long it takes to close.
 */
export function watchConnections(
  io: GatewaySockets,
  { heartbeat, metrics, refusals, log }: WatchDependencies,
) {
  const connections = new Map<Connection, Watched>()

  function check(watched: Watched, nowMs: number): void {
    const { connection } = watched
    watched.frames = 0
    if (watched.endsAtMs !== undefined) {
      if (nowMs >= watched.endsAtMs) terminate(connection)
    } else if (connection.readyState !== 'open') {
      // Engine.IO waits until everything is sent, and a peer that does not read would keep it waiting.
      watched.endsAtMs = nowMs + CLOSE_GRACE_MS
    } else if (watched.socket === undefined && nowMs - watched.openedAtMs > AUTHENTICATE_TIMEOUT_MS) {
      refusals.report('handshake', new GatewayError('REQUEST_TIMEOUT', 'no accepted credential in 10 s'))
      connection.close()
    } else {
      checkReceiving(connection, watched, nowMs)
      checkBuffer(connection, watched, nowMs)
    }
  }

  /**
   * Disconnects a connection with too much buffered, so that its client reconnects with its positions. A peer that still reads
   * receives a goodbye; any other is terminated a moment later, and nothing is added to its buffer meanwhile.
   */
  function checkBuffer(connection: Connection, watched: Watched, nowMs: number): void {
    const waitingBytes = bufferedBytes(connection)
    if (waitingBytes <= MAX_BUFFERED_BYTES) return
    watched.endsAtMs = nowMs + CLOSE_GRACE_MS
    metrics.slowConsumerDisconnected()
    log.warn({ waitingBytes }, 'slow consumer disconnected')
    watched.socket?.emit('goodbye', GOODBYES.TOO_SLOW)
    connection.close()
    // A peer that has not authenticated has nothing to miss.
    if (watched.socket === undefined) terminate(connection)
  }

  function checkReceiving(connection: Connection, watched: Watched, nowMs: number): void {
    if (!isReceiving(connection)) watched.receivingSinceMs = undefined
    else if (nowMs - (watched.receivingSinceMs ??= nowMs) > MAX_MESSAGE_MS)
      cut(connection, new GatewayError('REQUEST_TIMEOUT', 'a message does not end'))
  }

  function cut(connection: Connection, error: GatewayError): void {
    refusals.report('socket', error)
    terminate(connection)
  }

  function countFrame(connection: Connection, watched: Watched): void {
    if (++watched.frames === MAX_FRAMES)
      cut(connection, new GatewayError('TOO_MANY_REQUESTS', `${MAX_FRAMES} frames in a second`))
  }

  // One function for all connections rather than a closure for each, because there are many.
  function onPacket(
    this: Connection,
    { type, data }: { readonly type: string; readonly data?: unknown },
  ): void {
    const watched = connections.get(this)
    if (watched === undefined) return
    watched.receivingSinceMs = undefined
    watched.unansweredPings = 0
    countFrame(this, watched)
    // Engine.IO ignores that its peer closes the connection.
    if (type === 'close') return this.close()
    // Behind the type of the packet stands a namespace. Socket.IO refuses each, and would keep the connection.
    if (typeof data !== 'string' || data[1] !== '/') return
    refusals.report('handshake', new GatewayError('REQUEST_MALFORMED', 'there is no other namespace than /'))
    setImmediate(() => this.close())
  }

  function onPong(connection: Connection): void {
    const watched = connections.get(connection)
    if (watched === undefined) return
    watched.unansweredPings = 0
    countFrame(connection, watched)
  }

  function forget(this: Connection, reason: string, cause?: Error): void {
    const watched = connections.get(this)
    connections.delete(this)
    if (watched) heartbeat?.remove(watched)
    watched?.onClosed()
    // Of the errors, those of the network are not told here.
    if (reason === 'parse error' || (reason === 'transport error' && cause?.message !== 'write error'))
      refusals.report('socket', new GatewayError('REQUEST_MALFORMED', cause?.message ?? reason))
    // Socket.IO considers it closed; ws would wait much longer for a peer that does not respond.
    setTimeout(() => terminate(this), CLOSE_GRACE_MS).unref()
  }

  io.on('connection', (socket) => {
    const watched = connections.get(socket.conn)
    if (watched) watched.socket = socket
  })
  const timer = setInterval(() => {
    const nowMs = performance.now()
    for (const watched of connections.values()) check(watched, nowMs)
  }, CHECK_INTERVAL_MS)
  timer.unref()

  return {
    /** Watches a connection from the moment it is opened. Calls `onClosed` once it is closed. */
    add(connection: Connection, onClosed: () => void): void {
      const watched: Watched = {
        connection,
        unansweredPings: 0,
        onClosed,
        openedAtMs: performance.now(),
        socket: undefined,
        endsAtMs: undefined,
        receivingSinceMs: undefined,
        frames: 0,
      }
      connections.set(connection, watched)
      heartbeat?.add(watched, onPong)
      connection.on('close', forget)
      connection.on('packet', onPacket)
      // A pong is as large as its ping, and is buffered whether the peer reads it or not: few fit between two checks.
      onControlFrame(connection, () => countFrame(connection, watched))
    },

    /** Returns how many bytes are buffered for the slowest connection. */
    maxBufferedBytes: (): number =>
      [...connections.keys()].reduce((max, connection) => Math.max(max, bufferedBytes(connection)), 0),

    stop(): void {
      clearInterval(timer)
      heartbeat?.stop()
    },
  }
}
