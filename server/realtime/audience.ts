import { toMemberNotice } from '../../shared/notice.ts'
import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { NoticeBatch } from '../../shared/protocol.ts'
import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { GatewaySockets } from './gateway-socket.ts'

/** Admins see who recalled and from where, members do not: the two stand in separate Socket.IO rooms. */
export type Face = 'admin' | 'member'

const FACES: readonly Face[] = ['admin', 'member']

/** The Socket.IO room of one face of a room. */
export const faceRoom = (face: Face, room: Room): string => `${face}/${roomName(room)}`

/** Notices as they go to one face. */
export const toBatch = (face: Face, room: Room, epoch: string, notices: readonly Notice[]): NoticeBatch => ({
  room,
  epoch,
  notices: face === 'admin' ? notices : notices.map(toMemberNotice),
})

/** Speaks to all sockets of a room on this node at once. */
export function createAudience(io: GatewaySockets, metrics: Metrics) {
  return {
    tellNotices(room: Room, epoch: string, notices: readonly Notice[]): void {
      for (const face of FACES) {
        const listeners = faceRoom(face, room)
        // Turning and encoding notices for nobody would cost as much as for a thousand.
        const sockets = io.of('/').adapter.rooms.get(listeners)?.size ?? 0
        if (sockets === 0) continue
        metrics.noticesDelivered(notices.length, sockets)
        io.to(listeners).emit('messages-recalled', toBatch(face, room, epoch, notices))
      }
    },

    tellGap(room: Room, reason: GapReason, position: Position): void {
      metrics.gapTold(reason)
      io.to(FACES.map((face) => faceRoom(face, room))).emit('gap', { room, reason, position })
    },
  }
}
