import { toMemberNotice } from '../../shared/notice.ts'
import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { Gap, NoticeBatch } from '../../shared/protocol.ts'
import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { GatewaySockets } from './gateway-socket.ts'

/** Admins see who recalled and from where, members do not: the two stand in separate Socket.IO rooms. */
export type Face = 'admin' | 'member'

/** One that listens to rooms in another way than over Socket.IO. */
export interface Listener {
  onNotices(batch: NoticeBatch): void
  onGap(gap: Gap): void
}

const FACES: readonly Face[] = ['admin', 'member']

/** The Socket.IO room of one face of a room. */
export const faceRoom = (face: Face, room: Room): string => `${face}/${roomName(room)}`

/** Notices as they go to one face. */
export const toBatch = (face: Face, room: Room, epoch: string, notices: readonly Notice[]): NoticeBatch => ({
  room,
  epoch,
  notices: face === 'admin' ? notices : notices.map(toMemberNotice),
})

/** Speaks to all sockets, and other listeners, of a room on this node at once. */
export function createAudience(io: GatewaySockets, metrics: Metrics) {
  const listeners = new Map<string, Set<Listener>>()
  const listenersOf = (name: string): ReadonlySet<Listener> => listeners.get(name) ?? new Set()

  return {
    join(face: Face, room: Room, listener: Listener): void {
      const name = faceRoom(face, room)
      listeners.set(name, new Set(listenersOf(name)).add(listener))
    },

    /** Harmless for one that has not joined. */
    leave(face: Face, room: Room, listener: Listener): void {
      const name = faceRoom(face, room)
      const left = new Set([...listenersOf(name)].filter((one) => one !== listener))
      if (left.size > 0) listeners.set(name, left)
      else listeners.delete(name)
    },

    /** How many listen to the room, of either face. */
    size: (room: Room): number =>
      FACES.map((face) => faceRoom(face, room)).reduce(
        (sum, name) => sum + (io.of('/').adapter.rooms.get(name)?.size ?? 0) + listenersOf(name).size,
        0,
      ),

    tellNotices(room: Room, epoch: string, notices: readonly Notice[]): void {
      const nowMs = Date.now()
      for (const { receivedAtMs } of notices) metrics.noticeTook(Math.max(0, nowMs - receivedAtMs))
      for (const face of FACES) {
        const name = faceRoom(face, room)
        // Turning and encoding notices for nobody would cost as much as for a thousand.
        const sockets = io.of('/').adapter.rooms.get(name)?.size ?? 0
        const others = listenersOf(name)
        if (sockets + others.size === 0) continue
        metrics.noticesDelivered(notices.length, sockets + others.size)
        const batch = toBatch(face, room, epoch, notices)
        if (sockets > 0) io.to(name).emit('messages-recalled', batch)
        for (const listener of others) listener.onNotices(batch)
      }
    },

    tellGap(room: Room, reason: GapReason, position: Position): void {
      metrics.gapTold(reason)
      const names = FACES.map((face) => faceRoom(face, room))
      io.to(names).emit('gap', { room, reason, position })
      for (const name of names) for (const one of listenersOf(name)) one.onGap({ room, reason, position })
    },
  }
}

export type Audience = ReturnType<typeof createAudience>
