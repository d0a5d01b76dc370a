import { GatewayError, GOODBYES } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Refusals } from '../../telemetry/refusals.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { MemoryBudget, Waiter, WaitingPart } from '../../lib/memory-budget.ts'
import { WaitingCount } from '../../lib/shared-bytes.ts'
import { CLOSE_GRACE_MS, MAX_BUFFERED_BYTES, shedGoodbye, SHED_GRACE_MS } from '../connection-limits.ts'
import { BusyConnection, PACKET_BYTES } from './busy-connection.ts'
import type { Beating, Heartbeat } from './heartbeat.ts'
import { bufferedBytes, isReceiving, onControlFrame, onReceived, terminate } from './internals.ts'
import type { Connection, EncodedEvent, GatewaySocket, GatewaySockets } from './internals.ts'
import { dropQueued, isGone, newBytesOf, onHandedOver, unsentBytes } from './waiting-internals.ts'

const CHECK_INTERVAL_MS = 1_000
/** A connection that has not presented a credential by then is closed. */
const AUTHENTICATE_TIMEOUT_MS = 10_000
/** From one check to the next. A client that exceeds its request rate by far sends fewer. */
const MAX_FRAMES = 5_000
/** From its first byte to its last. Messages are small, and mostly arrive in one piece. */
const MAX_MESSAGE_MS = 10_000

interface Watched extends Beating {
  readonly onClosed: () => void
  /** Undefined until the connection has authenticated. */
  socket: GatewaySocket | undefined
  /** Undefined while nothing waits for the connection, which then costs nothing between two pings. */
  busy: BusyConnection | undefined
  /** Messages, pings and pongs since the check that is counted in `framesCheck`. */
  frames: number
  framesCheck: number
}

interface WatchDependencies {
  /** Undefined if Engine.IO has its own. */
  readonly heartbeat: Heartbeat | undefined
  readonly memory: Pick<MemoryBudget, 'add' | 'grew'>
  readonly metrics: Pick<Metrics, 'slowConsumerDisconnected' | 'memoryShed'>
  readonly refusals: Refusals
  readonly log: Logger
}

/**
 * Bounds what each connection may cost, from the moment it is opened, with or without a credential: what is buffered for it,
 * how much it sends and how slowly, and how long it takes to close.
 */
export function watchConnections(
  io: GatewaySockets,
  { heartbeat, memory, metrics, refusals, log }: WatchDependencies,
) {
  const connections = new Map<Connection, Watched>()
  /** Those for which something waits, or may, and those that are being closed. */
  const busy = new Map<Watched, BusyConnection>()
  let checks = 0

  function touch(watched: Watched): BusyConnection {
    if (watched.busy === undefined) busy.set(watched, (watched.busy = new BusyConnection(watched.connection)))
    return watched.busy
  }

  function check(watched: Watched, state: BusyConnection, nowMs: number): void {
    const { connection } = watched
    if (state.endsAtMs !== undefined) {
      if (nowMs < state.endsAtMs) return
      terminate(connection)
      busy.delete(watched)
    } else if (connection.readyState !== 'open') {
      // Engine.IO waits until everything is sent, and a peer that does not read would keep it waiting.
      state.endsAtMs = nowMs + CLOSE_GRACE_MS
    } else if (watched.socket === undefined && nowMs - state.sinceMs > AUTHENTICATE_TIMEOUT_MS) {
      refusals.report('handshake', new GatewayError('REQUEST_TIMEOUT', 'no accepted credential in 10 s'))
      connection.close()
    } else {
      checkReceiving(connection, state, nowMs)
      checkBuffer(connection, watched, state, nowMs)
      if (watched.socket === undefined || !state.isIdle()) return
      watched.busy = undefined
      busy.delete(watched)
    }
  }

  /**
   * Disconnects a connection with too much buffered, so that its client reconnects with its positions. A peer that still reads
   * receives a goodbye; any other is terminated a moment later, and nothing is added to its buffer meanwhile.
   */
  function checkBuffer(connection: Connection, watched: Watched, state: BusyConnection, nowMs: number): void {
    const waitingBytes = bufferedBytes(connection)
    if (waitingBytes <= MAX_BUFFERED_BYTES) return
    state.endsAtMs = nowMs + CLOSE_GRACE_MS
    metrics.slowConsumerDisconnected()
    log.warn({ waitingBytes }, 'slow consumer disconnected')
    watched.socket?.emit('goodbye', GOODBYES.TOO_SLOW)
    connection.close()
    // A peer that has not authenticated has nothing to miss.
    if (watched.socket === undefined) terminate(connection)
  }

  /**
   * Sends a connection away because the memory of all is used up. What waits for it is dropped, for it resumes elsewhere or later;
   * the goodbye follows what the system or ws has already.
   */
  function shed(watched: Watched, waitingBytes: number): void {
    const { connection, socket } = watched
    touch(watched).endsAtMs = performance.now() + SHED_GRACE_MS
    metrics.memoryShed('socket')
    log.warn({ waitingBytes, isReceiving: isReceiving(connection) }, 'socket sent away to free memory')
    dropQueued(connection)
    socket?.emit('goodbye', shedGoodbye())
    const isFree = socket !== undefined && !isReceiving(connection)
    connection.close()
    // What has arrived of a message can be freed in no other way.
    if (!isFree) terminate(connection)
  }

  const part: WaitingPart = {
    measure() {
      const count = new WaitingCount()
      let [bytes, leavingBytes] = [0, 0]
      for (const state of busy.values()) {
        const own = state.measure(count)
        bytes += own
        if (state.endsAtMs !== undefined) leavingBytes += own
      }
      return { bytes: bytes + count.sharedBytes, leavingBytes }
    },
    waiters: () =>
      [...busy].flatMap(([watched, state]): Waiter[] => {
        const bytes = state.endsAtMs === undefined ? state.bytes() : 0
        return bytes === 0 ? [] : [{ bytes, shed: () => shed(watched, bytes) }]
      }),
  }

  function checkReceiving(connection: Connection, state: BusyConnection, nowMs: number): void {
    if (!isReceiving(connection)) state.receivingSinceMs = undefined
    else if (nowMs - (state.receivingSinceMs ??= nowMs) > MAX_MESSAGE_MS)
      cut(connection, new GatewayError('REQUEST_TIMEOUT', 'a message does not end'))
  }

  function cut(connection: Connection, error: GatewayError): void {
    refusals.report('socket', error)
    terminate(connection)
  }

  function countFrame(connection: Connection, watched: Watched): void {
    if (watched.framesCheck !== checks) {
      watched.framesCheck = checks
      watched.frames = 0
    }
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
    if (watched.busy) watched.busy.receivingSinceMs = undefined
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

  function onData(connection: Connection, bytes: number): void {
    const watched = connections.get(connection)
    if (watched === undefined) return
    // Also pongs of ws that the peer does not read.
    if (!isReceiving(connection) && unsentBytes(connection) === 0) return
    touch(watched)
    memory.grew(bytes)
  }

  function forget(this: Connection, reason: string, cause?: Error): void {
    const watched = connections.get(this)
    connections.delete(this)
    if (watched) heartbeat?.remove(watched)
    watched?.onClosed()
    // Of the errors, those of the network are not told here.
    if (reason === 'parse error' || (reason === 'transport error' && cause?.message !== 'write error'))
      refusals.report('socket', new GatewayError('REQUEST_MALFORMED', cause?.message ?? reason))
    if (watched === undefined) return
    // Socket.IO considers it closed; ws would wait much longer for a peer that does not respond.
    if (isGone(this)) busy.delete(watched)
    else touch(watched).endsAtMs ??= performance.now() + CLOSE_GRACE_MS
  }

  onHandedOver(io, (connection, packets) => {
    if (unsentBytes(connection) === 0) return
    const watched = connections.get(connection)
    if (watched) touch(watched).handedOver(packets)
  })
  memory.add(part)
  const received = { onPong, onData }
  io.on('connection', (socket) => {
    const watched = connections.get(socket.conn)
    if (watched) watched.socket = socket
  })
  const timer = setInterval(() => {
    const nowMs = performance.now()
    checks++
    for (const [watched, state] of busy) check(watched, state, nowMs)
  }, CHECK_INTERVAL_MS)
  timer.unref()

  return {
    /** Watches a connection from the moment it is opened. Calls `onClosed` once it is closed. */
    add(connection: Connection, onClosed: () => void): void {
      const watched: Watched = {
        connection,
        unansweredPings: 0,
        onClosed,
        socket: undefined,
        busy: undefined,
        frames: 0,
        framesCheck: checks,
      }
      connections.set(connection, watched)
      touch(watched)
      heartbeat?.add(watched)
      onReceived(connection, received, heartbeat !== undefined)
      connection.on('close', forget)
      connection.on('packet', onPacket)
      // A pong is as large as its ping, and is buffered whether the peer reads it or not: few fit between two checks.
      onControlFrame(connection, () => countFrame(connection, watched))
    },

    /** An event has been written to the TCP socket of a connection, and not all of it has left this process. */
    wroteDirectly(connection: Connection, event: EncodedEvent): void {
      const watched = connections.get(connection)
      memory.grew(newBytesOf(event))
      if (watched) touch(watched).wroteDirectly(event)
    },

    /** An event is about to be queued behind others. */
    queues: (event: EncodedEvent): void => memory.grew(PACKET_BYTES + newBytesOf(event)),

    /** These notices wait in memory until a connection has read what was sent before. */
    hold(connection: Connection, notices: readonly Notice[]): void {
      const watched = connections.get(connection)
      if (watched) touch(watched).replayed = notices
    },

    /** Returns how many bytes are buffered for the slowest connection. */
    maxBufferedBytes: (): number =>
      [...busy.keys()].reduce((max, { connection }) => Math.max(max, bufferedBytes(connection)), 0),

    stop(): void {
      clearInterval(timer)
      heartbeat?.stop()
    },
  }
}
