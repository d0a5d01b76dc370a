import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { TraceDelivery } from './delivery-trace.ts'
import { PreparedEvent, prepareNotices } from './prepared-event.ts'
import type { PreparedDelivery, PreparedGap, PreparedNotices, Role } from './prepared-event.ts'
import { SlicedBroadcasts } from './sliced-broadcasts.ts'
import type { Members } from './sliced-broadcasts.ts'
import type { OnTold } from './told-notes.ts'

/** A connection that listens to rooms: a socket, or a stream. */
export interface Listener {
  onNotices(event: PreparedNotices): void
  onGap(event: PreparedGap): void
  onDelivery(event: PreparedDelivery): void
}

/** What seems to have taken longer was received by a wrong clock, or never: one such number would spoil sums for good. */
const MAX_TOOK_MS = 86_400_000

const ROLES: readonly Role[] = ['admin', 'member']

const keyOf = (role: Role, name: string): string => `${role}/${name}`

/** This node's listeners, by role and room. Broadcasts to them, in slices if there are many: webhooks are served between two. */
export function createHub(metrics: Metrics, onTold?: OnTold, traceDelivery?: TraceDelivery) {
  /** By the name of the room. A key for each role would be another string for each room. */
  const listeners: Readonly<Record<Role, Map<string, Members<Listener>>>> = {
    admin: new Map(),
    member: new Map(),
  }
  const broadcasts = new SlicedBroadcasts<Listener>()

  return {
    /** From now on, the listener receives what is broadcast to the room: nothing that has begun before. */
    join(role: Role, room: Room, listener: Listener): void {
      const name = roomName(room)
      const known = listeners[role].get(name)
      const joined = known ?? new Map<Listener, number>()
      broadcasts.join(joined, listener)
      if (known === undefined) listeners[role].set(name, joined)
    },

    /** No effect on a listener that has not joined. */
    leave(role: Role, room: Room, listener: Listener): void {
      const name = roomName(room)
      const joined = listeners[role].get(name)
      if (joined?.delete(listener) && joined.size === 0) listeners[role].delete(name)
    },

    /** Leaves a room, after what was broadcast to it so far. No effect on a listener that has not joined. */
    finish(role: Role, room: Room, listener: Listener): void {
      const name = roomName(room)
      const joined = listeners[role].get(name)
      if (joined === undefined) return
      broadcasts.finish(keyOf(role, name), joined, listener)
      if (joined.size === 0) listeners[role].delete(name)
    },

    /** Returns how many listeners a room has, of both roles. */
    size: (room: Room): number =>
      ROLES.reduce((sum, role) => sum + (listeners[role].get(roomName(room))?.size ?? 0), 0),

    /** Returns the listeners of a room, of both roles. */
    listenersOf: (room: Room): Listener[] =>
      ROLES.flatMap((role) => [...(listeners[role].get(roomName(room))?.keys() ?? [])]),

    isListening: (room: Room, listener: Listener): boolean =>
      ROLES.some((role) => listeners[role].get(roomName(room))?.has(listener)),

    /** Returns a promise that resolves once every listener was written to, unless they have been already. */
    broadcast(room: Room, epoch: string, notices: readonly Notice[]): Promise<unknown> | undefined {
      const nowMs = Date.now()
      metrics.frameSent(notices.length)
      for (const { receivedAtMs } of notices)
        metrics.deliveryTook(Math.min(Math.max(0, nowMs - receivedAtMs), MAX_TOOK_MS))
      const name = roomName(room)
      let sockets = 0
      const startedMs = traceDelivery === undefined ? 0 : performance.now()
      const unfinished = ROLES.map((role) => {
        // Encoding for no listener would cost as much as for a thousand.
        const joined = listeners[role].get(name)
        if (joined === undefined) return undefined
        sockets += joined.size
        metrics.noticesDelivered(notices.length, joined.size)
        const event = prepareNotices(role, room, epoch, notices)
        return broadcasts.send(keyOf(role, name), joined, (listener) => listener.onNotices(event))
      }).filter((sending) => sending !== undefined)
      if (sockets > 0) onTold?.(room, epoch, notices)
      const writing = unfinished.length === 0 ? undefined : Promise.all(unfinished)
      if (sockets > 0 && traceDelivery !== undefined) {
        const written = (): void => traceDelivery(room, { notices, sockets, startedMs })
        if (writing === undefined) written()
        else void writing.then(written)
      }
      return writing
    },

    /** Returns a promise that resolves once every listener was written to what was broadcast until now, unless they were already. */
    settled: (): Promise<unknown> | undefined => broadcasts.settled(),

    broadcastGap(room: Room, reason: GapReason, position: Position): void {
      metrics.gapSent(reason)
      const event: PreparedGap = new PreparedEvent('gap', { room, reason, position })
      const name = roomName(room)
      for (const role of ROLES) {
        const joined = listeners[role].get(name)
        if (joined) void broadcasts.send(keyOf(role, name), joined, (listener) => listener.onGap(event))
      }
    },
  }
}

export type Hub = ReturnType<typeof createHub>
