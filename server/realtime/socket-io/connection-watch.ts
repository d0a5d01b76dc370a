import { GatewayError } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Refusals } from '../../telemetry/refusals.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { MemoryBudget } from '../../lib/memory-budget.ts'
import { CLOSE_GRACE_MS } from '../connection-limits.ts'
import { PACKET_BYTES } from './busy-connection.ts'
import { createBusyConnections } from './busy-connections.ts'
import type { Peer } from './busy-connections.ts'
import type { Beating, Heartbeat } from './heartbeat.ts'
import { settleConnection } from './idle-internals.ts'
import { terminate } from './internals.ts'
import type { Connection, EncodedEvent, GatewaySockets } from './internals.ts'
import { createReceiver, isReceiving } from './receiving-internals.ts'
import { isGone, newBytesOf, onHandedOver, unsentBytes } from './waiting-internals.ts'

const CHECK_INTERVAL_MS = 1_000
/** From one check to the next. A client that exceeds its request rate by far sends fewer. */
const MAX_FRAMES = 5_000

interface Watched extends Beating, Peer {
  readonly onClosed: () => void
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
  const busy = createBusyConnections({ metrics, refusals, log })
  let checks = 0

  function countFrame(connection: Connection, watched: Watched): void {
    if (watched.framesCheck !== checks) {
      watched.framesCheck = checks
      watched.frames = 0
    }
    if (++watched.frames !== MAX_FRAMES) return
    refusals.report('socket', new GatewayError('TOO_MANY_REQUESTS', `${MAX_FRAMES} frames in a second`))
    terminate(connection)
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

  /** A pong is as large as its ping, and is buffered whether the peer reads it or not: few fit between two checks. */
  function onControlFrame(connection: Connection): void {
    const watched = connections.get(connection)
    if (watched) countFrame(connection, watched)
  }

  function onData(connection: Connection, bytes: number): void {
    const watched = connections.get(connection)
    if (watched === undefined) return
    // Also pongs of ws that the peer does not read.
    if (!isReceiving(connection) && unsentBytes(connection) === 0) return
    busy.touch(watched)
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
    if (isGone(this)) busy.remove(watched)
    else busy.touch(watched).endsAtMs ??= performance.now() + CLOSE_GRACE_MS
  }

  onHandedOver(io, (connection, packets) => {
    if (unsentBytes(connection) === 0) return
    const watched = connections.get(connection)
    if (watched) busy.touch(watched).handedOver(packets)
  })
  memory.add(busy.part)
  const receive = createReceiver({ onPong, onData, onControlFrame }, heartbeat !== undefined)
  io.on('connection', (socket) => {
    const watched = connections.get(socket.conn)
    if (watched) watched.socket = socket
  })
  const timer = setInterval(() => {
    checks++
    busy.check()
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
      busy.touch(watched)
      heartbeat?.add(watched)
      receive(connection)
      connection.on('close', forget)
      connection.on('packet', onPacket)
      settleConnection(connection)
    },

    /** An event has been written to the TCP socket of a connection, and not all of it has left this process. */
    wroteDirectly(connection: Connection, event: EncodedEvent): void {
      const watched = connections.get(connection)
      memory.grew(newBytesOf(event))
      if (watched) busy.touch(watched).wroteDirectly(event)
    },

    /**
     * So many bytes of its own have been written to the TCP socket of a connection, and not all of them have left this process.
     */
    wrote(connection: Connection, bytes: number): void {
      const watched = connections.get(connection)
      memory.grew(bytes)
      if (watched) busy.touch(watched)
    },

    /** An event is about to be queued behind others. */
    queues: (event: EncodedEvent): void => memory.grew(PACKET_BYTES + newBytesOf(event)),

    /** These notices wait in memory until a connection has read what was sent before. */
    hold(connection: Connection, notices: readonly Notice[]): void {
      const watched = connections.get(connection)
      if (watched) busy.touch(watched).replayed = notices
    },

    maxBufferedBytes: busy.maxBufferedBytes,

    stop(): void {
      clearInterval(timer)
      heartbeat?.stop()
    },
  }
}
