import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'

/** What joining and leaving rooms needs of a connection. */
export interface RoomTransport {
  isOpen(): boolean
  /** Resolves once everything sent so far has left this process, or the connection has closed. */
  flushed(): Promise<void>
  /** From now on, the connection receives what is broadcast to the room. */
  join(room: Room): void
  /** No effect on a room that the connection has not joined. */
  leave(room: Room): void
  /** Sends missed notices, in order. `notices` may be empty. */
  replay(room: Room, epoch: string, notices: readonly Notice[]): void
  /** Says that notices are missing, and from where the room continues. */
  sendGap(room: Room, reason: GapReason, position: Position): void
}

/** The port to a connection: all that a session needs of it. */
export interface Transport extends RoomTransport {
  /** Says that the connection has lost a room without having asked for it. */
  sendUnsubscribed(unsubscribed: Unsubscribed): void
  /** Says why, then closes the connection. */
  close(goodbye: Goodbye): void
}
