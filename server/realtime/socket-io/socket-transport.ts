import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Hub, Listener } from '../rooms/hub.ts'
import type {
  PreparedDelivery,
  PreparedGap,
  PreparedNotices,
  ReplayCache,
  Role,
} from '../rooms/prepared-event.ts'
import type { Transport } from '../sessions/transport.ts'
import {
  bufferedBytes,
  flushed,
  idleTcpSocket,
  isTestedVersion,
  pauseReading,
  socketIoVersions,
} from './internals.ts'
import type { Connection, EncodedEvent, GatewaySocket } from './internals.ts'
import { writeThroughEngine } from './waiting-internals.ts'

/** How long nothing is read from a client that has sent more than it may: to refuse requests takes time as well. */
const REST_MS = 1_000

export interface SocketTransportDependencies {
  readonly hub: Hub
  readonly write: Write
  /** See `hold` of `watchConnections`. */
  readonly hold: (connection: Connection, notices: readonly Notice[]) => void
  readonly replayCache: ReplayCache
  readonly metrics: Metrics
}

/** A Socket.IO socket, as its session and the hub see it. */
export class SocketTransport implements Transport, Listener {
  readonly protocolVersion: number
  readonly #socket: GatewaySocket
  readonly #role: Role
  readonly #deps: SocketTransportDependencies

  constructor(socket: GatewaySocket, protocolVersion: number, dependencies: SocketTransportDependencies) {
    this.protocolVersion = protocolVersion
    this.#socket = socket
    this.#role = socket.data.principal.role
    this.#deps = dependencies
  }

  /** The same for all: an idle socket should hold as little as possible. */
  get kind() {
    return 'websocket' as const
  }

  isOpen(): boolean {
    return this.#socket.connected
  }

  waitingBytes(): number {
    return bufferedBytes(this.#socket.conn)
  }

  flushed(held: readonly Notice[] = []): Promise<void> {
    if (held.length > 0) this.#deps.hold(this.#socket.conn, held)
    return flushed(this.#socket.conn)
  }

  join(room: Room): void {
    this.#deps.hub.join(this.#role, room, this)
  }

  leave(room: Room): void {
    this.#deps.hub.leave(this.#role, room, this)
  }

  finish(room: Room): void {
    this.#deps.hub.finish(this.#role, room, this)
  }

  replay(room: Room, epoch: string, notices: readonly Notice[]): void {
    if (notices.length === 0) return
    this.#deps.metrics.noticesDelivered(notices.length, 1)
    this.onNotices(this.#deps.replayCache.prepare(this.#role, room, epoch, notices))
  }

  onNotices(event: PreparedNotices): void {
    this.#deps.write(this.#socket.conn, event)
  }

  onGap(event: PreparedGap): void {
    this.#deps.write(this.#socket.conn, event)
  }

  onDelivery(event: PreparedDelivery): void {
    this.#deps.write(this.#socket.conn, event)
  }

  sendGap(room: Room, reason: GapReason, position: Position): void {
    this.#socket.emit('gap', { room, reason, position })
  }

  sendUnsubscribed(unsubscribed: Unsubscribed): void {
    this.#socket.emit('unsubscribed', unsubscribed)
  }

  rest(): void {
    pauseReading(this.#socket.conn, REST_MS)
  }

  close(goodbye: Goodbye): void {
    this.#socket.emit('goodbye', goodbye)
    this.#socket.conn.close()
  }
}

/** Writes an event that many connections share to one of them. */
export type Write = (connection: Connection, event: EncodedEvent) => void

/** What happens to an event that its peer does not read at once; see `watchConnections`. */
interface WaitingListeners {
  readonly wroteDirectly: (connection: Connection, event: EncodedEvent) => void
  readonly queues: (event: EncodedEvent) => void
}

/**
 * Chooses how shared events are written. Through Engine.IO and ws a write costs twice as much as its system call alone, so
 * the frame goes straight to the TCP socket of an idle connection, where it can overtake nothing. Any other connection is
 * written to through Engine.IO, behind what is queued; so are all of them in a version of Socket.IO that was not tested.
 */
export function createWriter(
  log: Logger,
  waiting: WaitingListeners,
  versions: string = socketIoVersions(),
): Write {
  const queue: Write = (connection, event) => {
    waiting.queues(event)
    writeThroughEngine(connection, event)
  }
  if (!isTestedVersion(versions)) {
    log.warn(
      { versions },
      'untested version of Socket.IO, Engine.IO or ws, shared frames are written through Engine.IO',
    )
    return queue
  }
  return (connection, event) => {
    const tcp = idleTcpSocket(connection)
    if (tcp === undefined) return queue(connection, event)
    tcp.write(event.frame)
    if (tcp.writableLength > 0) waiting.wroteDirectly(connection, event)
  }
}
