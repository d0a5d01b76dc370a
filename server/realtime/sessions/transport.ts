import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'

/** What is done to a socket that enters and leaves rooms. */
export interface RoomTransport {
  isOpen(): boolean
  /** Resolves once all that was sent so far is on its way, or the socket is closed. */
  flushed(): Promise<void>
  /** From now on, the socket gets what is sent to the room. */
  join(room: Room): void
  leave(room: Room): void
  replay(room: Room, epoch: string, notices: readonly Notice[]): void
  /** Tells that notices are missing, and where the room goes on. */
  sendGap(room: Room, reason: GapReason, position: Position): void
}

/** What a session does to its socket. */
export interface Transport extends RoomTransport {
  /** Tells that the socket is not in a room any more without having asked for that. */
  sendUnsubscribed(unsubscribed: Unsubscribed): void
  /** Says why, and closes. */
  close(goodbye: Goodbye): void
}
