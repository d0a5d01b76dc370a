import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Hub, Listener } from '../rooms/hub.ts'
import type { Role, PreparedGap, PreparedNotices, ReplayCache } from '../rooms/prepared-event.ts'
import { flushed, idleTcpSocket, isTestedVersion, socketIoVersion, writeThroughEngine } from './internals.ts'
import type { Connection, EncodedEvent, GatewaySocket } from './internals.ts'
import type { Transport } from '../sessions/transport.ts'
import type { Logger } from '../../telemetry/logger.ts'

export interface SocketTransportDependencies {
  readonly hub: Hub
  readonly write: Write
  readonly replayCache: ReplayCache
  readonly metrics: Metrics
}

/** What a session does to a socket of Socket.IO, and what rooms do to it. */
export class SocketTransport implements Transport, Listener {
  readonly #socket: GatewaySocket
  readonly #role: Role
  readonly #deps: SocketTransportDependencies

  constructor(socket: GatewaySocket, dependencies: SocketTransportDependencies) {
    this.#socket = socket
    this.#role = socket.data.principal.role
    this.#deps = dependencies
  }

  isOpen(): boolean {
    return this.#socket.connected
  }

  flushed(): Promise<void> {
    return flushed(this.#socket.conn)
  }

  join(room: Room): void {
    this.#deps.hub.join(this.#role, room, this)
  }

  leave(room: Room): void {
    this.#deps.hub.leave(this.#role, room, this)
  }

  replay(room: Room, epoch: string, notices: readonly Notice[]): void {
    if (notices.length === 0) return
    this.#deps.metrics.noticesDelivered(notices.length, 1)
    this.onNotices(this.#deps.replayCache.prepare(this.#role, room, epoch, notices))
  }

  onNotices(outgoing: PreparedNotices): void {
    this.#deps.write(this.#socket.conn, outgoing)
  }

  onGap(outgoing: PreparedGap): void {
    this.#deps.write(this.#socket.conn, outgoing)
  }

  sendGap(room: Room, reason: GapReason, position: Position): void {
    this.#socket.emit('gap', { room, reason, position })
  }

  sendUnsubscribed(unsubscribed: Unsubscribed): void {
    this.#socket.emit('unsubscribed', unsubscribed)
  }

  close(goodbye: Goodbye): void {
    this.#socket.emit('goodbye', goodbye)
    this.#socket.conn.close()
  }
}

/** Writes what goes to many sockets to one of them. */
export type Write = (connection: Connection, outgoing: EncodedEvent) => void

/**
 * The way of a frame that many sockets share. Through Engine.IO and ws a write costs as much again as the system call, so
 * the frame goes straight to the TCP connection of a socket that is level: everything sent before has left, and nothing
 * waits that it would overtake. Any other socket gets it on the ordinary way, behind what waits.
 */
export function createWriter(log: Logger, version: string = socketIoVersion()): Write {
  if (!isTestedVersion(version)) {
    log.warn({ version }, 'unknown version of Socket.IO, sockets are written to in the ordinary, slower way')
    return writeThroughEngine
  }
  return (connection, outgoing) => {
    const tcp = idleTcpSocket(connection)
    if (tcp === undefined) writeThroughEngine(connection, outgoing)
    else tcp.write(outgoing.frame)
  }
}
