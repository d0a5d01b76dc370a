import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Audience, Face, Listener, OutgoingGap, OutgoingNotices } from '../rooms/hub.ts'
import { flushed } from './flushed.ts'
import type { GatewaySocket } from './gateway-socket.ts'
import type { Replays } from '../rooms/replays.ts'
import type { SessionSide } from '../sessions/session.ts'
import type { Write } from './short-cut.ts'

export interface SocketSideDependencies {
  readonly audience: Audience
  readonly write: Write
  readonly replays: Replays
  readonly metrics: Metrics
}

/** What a session does to a socket of Socket.IO, and what rooms do to it. */
export class SocketSide implements SessionSide, Listener {
  readonly #socket: GatewaySocket
  readonly #face: Face
  readonly #deps: SocketSideDependencies

  constructor(socket: GatewaySocket, dependencies: SocketSideDependencies) {
    this.#socket = socket
    this.#face = socket.data.principal.role
    this.#deps = dependencies
  }

  isOpen(): boolean {
    return this.#socket.connected
  }

  flushed(): Promise<void> {
    return flushed(this.#socket.conn)
  }

  join(room: Room): void {
    this.#deps.audience.join(this.#face, room, this)
  }

  leave(room: Room): void {
    this.#deps.audience.leave(this.#face, room, this)
  }

  replay(room: Room, epoch: string, notices: readonly Notice[]): void {
    if (notices.length === 0) return
    this.#deps.metrics.noticesDelivered(notices.length, 1)
    this.onNotices(this.#deps.replays.outgoing(this.#face, room, epoch, notices))
  }

  onNotices(outgoing: OutgoingNotices): void {
    this.#deps.write(this.#socket.conn, outgoing)
  }

  onGap(outgoing: OutgoingGap): void {
    this.#deps.write(this.#socket.conn, outgoing)
  }

  tellGap(room: Room, reason: GapReason, position: Position): void {
    this.#socket.emit('gap', { room, reason, position })
  }

  tellUnsubscribed(unsubscribed: Unsubscribed): void {
    this.#socket.emit('unsubscribed', unsubscribed)
  }

  close(goodbye: Goodbye): void {
    this.#socket.emit('goodbye', goodbye)
    this.#socket.conn.close()
  }
}
