import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import type { PreparedDelivery } from '../rooms/prepared-event.ts'

/** What joining and leaving rooms needs from a connection. */
export interface RoomTransport {
  isOpen(): boolean
  /** Resolves once everything sent so far has left this process, or the connection has closed. `held` stays in memory until then. */
  flushed(held?: readonly Notice[]): Promise<void>
  /** From now on, the connection receives what is broadcast to the room. */
  join(room: Room): void
  /** No effect on a room that the connection has not joined. */
  leave(room: Room): void
  /** Leaves a room, after everything that was broadcast to it so far. No effect on a room that the connection has not joined. */
  finish(room: Room): void
  /** Sends missed notices, in order. `notices` may be empty. */
  replay(room: Room, epoch: string, notices: readonly Notice[]): void
  /** Sends a gap: notices are missing, and the room continues from `position`. */
  sendGap(room: Room, reason: GapReason, position: Position): void
  /** Sends how delivery is. */
  onDelivery(event: PreparedDelivery): void
}

/** The port to a connection: everything that a session needs from it. */
export interface Transport extends RoomTransport {
  readonly kind: 'websocket' | 'stream'
  /** The version of the protocol that the client speaks. Undefined for a stream, which names none. */
  readonly protocolVersion?: number
  /** What has been written and the network has not taken yet. */
  waitingBytes(): number
  /** Tells the client that it has left a room without having requested that. */
  sendUnsubscribed(unsubscribed: Unsubscribed): void
  /** Takes in no further requests for a moment: the client has sent more than it may. */
  rest(): void
  /** Sends a goodbye, then closes the connection. */
  close(goodbye: Goodbye): void
}
