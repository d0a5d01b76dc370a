import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { PreparedEvent, prepareNotices } from './prepared-event.ts'
import type { Role, PreparedGap, PreparedNotices } from './prepared-event.ts'

/** One that listens to rooms: a socket, or a stream. */
export interface Listener {
  onNotices(outgoing: PreparedNotices): void
  onGap(outgoing: PreparedGap): void
}

const FACES: readonly Role[] = ['admin', 'member']

const nameOf = (role: Role, room: Room): string => `${role}/${roomName(room)}`

/** Speaks to all who listen to a room on this node at once. */
export function createHub(metrics: Metrics) {
  const listeners = new Map<string, Set<Listener>>()

  return {
    join(role: Role, room: Room, listener: Listener): void {
      const name = nameOf(role, room)
      const listening = listeners.get(name)
      if (listening === undefined) listeners.set(name, new Set([listener]))
      else listening.add(listener)
    },

    /** Harmless for one that has not joined. */
    leave(role: Role, room: Room, listener: Listener): void {
      const name = nameOf(role, room)
      const listening = listeners.get(name)
      if (listening?.delete(listener) && listening.size === 0) listeners.delete(name)
    },

    /** How many listen to the room, of either face. */
    size: (room: Room): number =>
      FACES.reduce((sum, role) => sum + (listeners.get(nameOf(role, room))?.size ?? 0), 0),

    broadcast(room: Room, epoch: string, notices: readonly Notice[]): void {
      const nowMs = Date.now()
      for (const { receivedAtMs } of notices) metrics.noticeTook(Math.max(0, nowMs - receivedAtMs))
      for (const role of FACES) {
        // Turning notices for nobody would cost as much as for a thousand.
        const listening = listeners.get(nameOf(role, room))
        if (listening === undefined) continue
        metrics.noticesDelivered(notices.length, listening.size)
        const outgoing = prepareNotices(role, room, epoch, notices)
        for (const listener of listening) listener.onNotices(outgoing)
      }
    },

    broadcastGap(room: Room, reason: GapReason, position: Position): void {
      metrics.gapTold(reason)
      const outgoing: PreparedGap = new PreparedEvent('gap', { room, reason, position })
      for (const role of FACES)
        for (const listener of listeners.get(nameOf(role, room)) ?? []) listener.onGap(outgoing)
    },
  }
}

export type Hub = ReturnType<typeof createHub>
