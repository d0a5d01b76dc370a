import { GatewayError, GOODBYES } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Refusals } from '../../telemetry/refusals.ts'
import type { Waiter, WaitingPart } from '../../lib/memory-budget.ts'
import { WaitingCount } from '../../lib/shared-bytes.ts'
import { CLOSE_GRACE_MS, MAX_BUFFERED_BYTES, shedGoodbye, SHED_GRACE_MS } from '../connection-limits.ts'
import { BusyConnection } from './busy-connection.ts'
import { bufferedBytes, terminate } from './internals.ts'
import type { Connection, GatewaySocket } from './internals.ts'
import { isReceiving } from './receiving-internals.ts'
import { dropQueued } from './waiting-internals.ts'

/** A connection that has not presented a credential by then is closed. */
const AUTHENTICATE_TIMEOUT_MS = 10_000
/** From its first byte to its last. Messages are small, and mostly arrive in one piece. */
const MAX_MESSAGE_MS = 10_000

/** A connection for which something may wait. */
export interface Peer {
  readonly connection: Connection
  /** Undefined until the connection has authenticated. */
  socket: GatewaySocket | undefined
  /** Undefined while nothing waits for the connection, which then costs nothing between two pings. */
  busy: BusyConnection | undefined
}

interface BusyConnectionsDependencies {
  readonly metrics: Pick<Metrics, 'slowConsumerDisconnected' | 'memoryShed'>
  readonly refusals: Refusals
  readonly log: Logger
}

/** Bounds how much waits for each connection, how slowly a message arrives, and how long it takes to authenticate and to close. */
export function createBusyConnections({ metrics, refusals, log }: BusyConnectionsDependencies) {
  /** Those for which something waits, or may, and those that are being closed. */
  const busy = new Map<Peer, BusyConnection>()

  /** Returns what is known of a connection for which something may wait from now on. */
  function touch(peer: Peer): BusyConnection {
    if (peer.busy === undefined) busy.set(peer, (peer.busy = new BusyConnection(peer.connection)))
    return peer.busy
  }

  function check(peer: Peer, state: BusyConnection, nowMs: number): void {
    const { connection } = peer
    if (state.endsAtMs !== undefined) {
      if (nowMs < state.endsAtMs) return
      terminate(connection)
      busy.delete(peer)
    } else if (connection.readyState !== 'open') {
      // Engine.IO waits until everything is sent, and a peer that does not read would keep it waiting.
      state.endsAtMs = nowMs + CLOSE_GRACE_MS
    } else if (peer.socket === undefined && nowMs - state.sinceMs > AUTHENTICATE_TIMEOUT_MS) {
      refusals.report('handshake', new GatewayError('REQUEST_TIMEOUT', 'no accepted credential in 10 s'))
      connection.close()
    } else {
      checkReceiving(connection, state, nowMs)
      checkBuffer(connection, peer, state, nowMs)
      if (peer.socket === undefined || !state.isIdle()) return
      peer.busy = undefined
      busy.delete(peer)
    }
  }

  /**
   * Disconnects a connection with too much buffered, so that its client reconnects with its positions. A peer that still reads
   * receives a goodbye; any other is terminated a moment later, and nothing is added to its buffer meanwhile.
   */
  function checkBuffer(connection: Connection, peer: Peer, state: BusyConnection, nowMs: number): void {
    const waitingBytes = bufferedBytes(connection)
    if (waitingBytes <= MAX_BUFFERED_BYTES) return
    state.endsAtMs = nowMs + CLOSE_GRACE_MS
    metrics.slowConsumerDisconnected()
    log.warn({ waitingBytes }, 'slow consumer disconnected')
    peer.socket?.emit('goodbye', GOODBYES.TOO_SLOW)
    connection.close()
    // A peer that has not authenticated has nothing to miss.
    if (peer.socket === undefined) terminate(connection)
  }

  /**
   * Sends a connection away because the memory of all is used up. What waits for it is dropped, for it resumes elsewhere or later;
   * the goodbye follows what the system or ws has already.
   */
  function shed(peer: Peer, waitingBytes: number): void {
    const { connection, socket } = peer
    touch(peer).endsAtMs = performance.now() + SHED_GRACE_MS
    metrics.memoryShed('socket')
    log.warn({ waitingBytes, isReceiving: isReceiving(connection) }, 'socket sent away to free memory')
    dropQueued(connection)
    socket?.emit('goodbye', shedGoodbye())
    const isFree = socket !== undefined && !isReceiving(connection)
    connection.close()
    // What has arrived of a message can be freed in no other way.
    if (!isFree) terminate(connection)
  }

  function checkReceiving(connection: Connection, state: BusyConnection, nowMs: number): void {
    if (!isReceiving(connection)) state.receivingSinceMs = undefined
    else if (nowMs - (state.receivingSinceMs ??= nowMs) > MAX_MESSAGE_MS) {
      refusals.report('socket', new GatewayError('REQUEST_TIMEOUT', 'a message does not end'))
      terminate(connection)
    }
  }

  /** What waits for all of them, for the memory budget. */
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
      [...busy].flatMap(([peer, state]): Waiter[] => {
        const bytes = state.endsAtMs === undefined ? state.bytes() : 0
        return bytes === 0 ? [] : [{ bytes, shed: () => shed(peer, bytes) }]
      }),
  }

  return {
    touch,
    part,

    /** To be called every second. */
    check(): void {
      const nowMs = performance.now()
      for (const [peer, state] of busy) check(peer, state, nowMs)
    },

    /** Nothing waits for it any more: it is gone. */
    remove: (peer: Peer): void => void busy.delete(peer),

    /** Returns how many bytes are buffered for the slowest connection. */
    maxBufferedBytes: (): number =>
      [...busy.keys()].reduce((max, { connection }) => Math.max(max, bufferedBytes(connection)), 0),
  }
}
