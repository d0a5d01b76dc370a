import type { DeliveryState } from '../../../shared/http-api.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker } from '../../broker/broker.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Hub } from '../rooms/hub.ts'
import type { LocalRoom } from '../rooms/local-room.ts'
import type { LocalRooms } from '../rooms/local-rooms.ts'
import { PreparedEvent } from '../rooms/prepared-event.ts'
import type { PreparedDelivery } from '../rooms/prepared-event.ts'
import type { Sessions } from '../sessions/registry.ts'
import { MAX_SPOOL_AGE_MS } from './receiver-report.ts'
import { Receivers, RECALLS_WAIT } from './receivers.ts'
import { nextDelivery, PROVED } from './rules.ts'
import type { Cause, NodeDelivery } from './rules.ts'
import { createTeller } from './teller.ts'

const CHECK_INTERVAL_MS = 200
const READ_INTERVAL_MS = 1_000
/** While it depends on the next heartbeat whether delivery is in doubt. */
const SOON_INTERVAL_MS = CHECK_INTERVAL_MS
/** A room that reads its log for longer by itself is in doubt. */
const ROOM_DOUBT_AFTER_MS = 2_000
/** A check that comes this late finds a process that was blocked. What it knows is old, and is no reason for a doubt. */
const STALL_MS = 1_000
/** By then it has read what arrived meanwhile. One that is blocked again within as long has had its time: it may always be. */
const STALL_GRACE_MS = 1_500
/** One that stood still for this long may have lost its lines to the broker without knowing. Shorter pauses end none. */
const SUSPENDED_MS = 5_000
/** Another reason for the same doubt is told after this long, and not more often: there may be many sockets. */
const MIN_TELL_INTERVAL_MS = 5_000
/** An event for connections that come while delivery is in doubt is used for this long, and its age with it. */
const EVENT_LIFETIME_MS = 500

/** What waits on a disk to be published; undefined for a process that has none for it. */
export type WaitingOnDisk = () => { readonly recalls: number; readonly ageMs: number } | undefined

interface DeliveryDependencies {
  readonly broker: Pick<Broker, 'isDelivering' | 'probeAgeMs' | 'reasons' | 'heartbeats'>
  readonly rooms: Pick<LocalRooms, 'lag' | 'all'>
  readonly hub: Pick<Hub, 'listenersOf' | 'isListening' | 'settled'>
  readonly sessions: Pick<Sessions, 'all'>
  /** Of this process. */
  readonly waitingOnDisk: WaitingOnDisk
  readonly log: Logger
}

/** Knows whether notices are proved to arrive at the sockets of this node, and tells them when that changes. */
export type DeliveryMonitor = ReturnType<typeof monitorDelivery>

export function monitorDelivery({ broker, rooms, hub, sessions, waitingOnDisk, log }: DeliveryDependencies) {
  const startedAtMs = performance.now()
  const receivers = new Receivers(startedAtMs)
  const tell = createTeller()
  /** Rooms in doubt by themselves, as their listeners were told, and since when. */
  const roomDoubts = new Map<LocalRoom, number>()
  let node: NodeDelivery = PROVED
  let wasHearing = true
  let readAtMs = -Infinity
  let checkedAtMs = startedAtMs
  let checkedAt = Date.now()
  let graceUntilMs = -Infinity
  /** When the latest stall was over. */
  let stalledUntilMs = -Infinity
  let isReading = false
  /** Of a doubt: what the sockets were told last. */
  let told: { readonly reason: string; readonly atMs: number } | undefined
  let event: { readonly prepared: PreparedDelivery; readonly atMs: number } | undefined

  /** Resolves to false if it has failed. */
  async function readHeartbeats(): Promise<boolean> {
    const nowMs = performance.now()
    const intervalMs = receivers.isUncertain(nowMs) ? SOON_INTERVAL_MS : READ_INTERVAL_MS
    // Half a step: timers are seldom exact.
    if (isReading || nowMs - readAtMs < intervalMs - SOON_INTERVAL_MS / 2) return true
    isReading = true
    readAtMs = nowMs
    try {
      const heartbeats = await broker.heartbeats()
      receivers.read(heartbeats, nowMs, performance.now())
      return true
    } catch {
      // One changes nothing. The broker knows what is wrong, and says so.
      return false
    } finally {
      isReading = false
    }
  }

  function causes(nowMs: number): readonly Cause[] {
    const provedAtMs = Math.max(startedAtMs, nowMs - broker.probeAgeMs())
    const isDelivering = broker.isDelivering()
    const behindSinceMs = rooms.lag.ofNodeSinceMs()
    // An interruption can be too short for a probe to fail, and a receiver may all the same have recalls on its disk since.
    const isHearing = isDelivering && behindSinceMs === undefined
    if (isHearing && !wasHearing) receivers.interrupted(nowMs)
    wasHearing = isHearing
    const probe = isDelivering ? [] : [{ sinceMs: provedAtMs, reason: NOT_PROVED }]
    // The probe is not mistaken when the process was blocked. What receivers said counts again once it has been read anew.
    const isGrace = node.proved && nowMs < graceUntilMs
    const ofReceivers = isGrace && receivers.readAtMs < stalledUntilMs ? [] : receivers.causes(nowMs)
    const isBehind = behindSinceMs !== undefined && !isGrace
    const behind = isBehind ? [{ sinceMs: behindSinceMs, reason: ROOMS_READING }] : []
    return [...probe, ...behind, ...ofOwnDisk(nowMs), ...ofReceivers]
  }

  /** A process that has just started knows its own disk before any heartbeat tells of it. */
  function ofOwnDisk(nowMs: number): Cause[] {
    const { recalls, ageMs } = waitingOnDisk() ?? { recalls: 0, ageMs: 0 }
    return recalls > 0 ? [{ sinceMs: nowMs - Math.min(ageMs, MAX_SPOOL_AGE_MS), reason: RECALLS_WAIT }] : []
  }

  /** The time since the latest check, by whichever clock has moved further: that of a machine that sleeps may stand still. */
  const sinceCheckMs = (): number => Math.max(performance.now() - checkedAtMs, Date.now() - checkedAt)

  function check(): void {
    const nowMs = performance.now()
    const sinceMs = nowMs - sinceCheckMs()
    const isLate = nowMs - checkedAtMs > STALL_MS
    if (isLate && nowMs - graceUntilMs > STALL_GRACE_MS) graceUntilMs = nowMs + STALL_GRACE_MS
    if (isLate) stalledUntilMs = nowMs
    checkedAtMs = nowMs
    checkedAt = Date.now()
    const before = node
    const evidence = { nowMs, provedAtMs: nowMs - broker.probeAgeMs(), causes: causes(nowMs) }
    const wasSuspended = nowMs - sinceMs > SUSPENDED_MS && broker.probeAgeMs() > 0
    if (wasSuspended) receivers.interrupted(nowMs)
    node = wasSuspended ? stoodStill(before, sinceMs) : nextDelivery(before, evidence)
    checkRooms(before, nowMs)
    if (node.proved !== before.proved || isOtherReason(nowMs)) onChange(before, nowMs)
  }

  function checkRooms(before: NodeDelivery, nowMs: number): void {
    for (const room of roomDoubts.keys()) {
      if (rooms.lag.has(room)) continue
      roomDoubts.delete(room)
      log.info({ room: room.name }, 'delivery to a room proved again')
      tellRoom(room, { proved: true, rooms: [room.room] })
    }
    // Told once the node is proved, and before that is told.
    if (!node.proved || (before.proved && nowMs < graceUntilMs)) return
    for (const [room, sinceMs] of rooms.lag.alone(ROOM_DOUBT_AFTER_MS)) {
      if (roomDoubts.has(room)) continue
      roomDoubts.set(room, sinceMs)
      log.warn({ room: room.name, doubtMs: ageMs(sinceMs) }, 'delivery to a room in doubt')
      tellRoom(room, roomDoubt(room.room, sinceMs))
    }
  }

  function tellRoom(room: LocalRoom, payload: PreparedDelivery['payload']): void {
    room.flush()
    // Whoever joins while that waits is told of a doubt that has come since.
    const isWanted = (listener: Parameters<typeof hub.isListening>[1]): boolean =>
      hub.isListening(room.room, listener) && !(payload.proved && roomDoubts.has(room))
    const after = toldFirst(payload)
    tell(new PreparedEvent('delivery', payload), hub.listenersOf(room.room), { isWanted, after })
  }

  /** What is proved has been told: to large rooms, that takes many turns of the event loop. */
  const toldFirst = ({ proved }: PreparedDelivery['payload']): Promise<unknown> | undefined =>
    proved ? hub.settled() : undefined

  /** Whether what was told last names another reason than what keeps the node in doubt now. */
  function isOtherReason(nowMs: number): boolean {
    if (node.proved || told === undefined || nowMs - told.atMs < MIN_TELL_INTERVAL_MS) return false
    return node.reason !== told.reason
  }

  function onChange(before: NodeDelivery, nowMs: number): void {
    told = node.proved ? undefined : { reason: node.reason, atMs: nowMs }
    if (!node.proved) {
      const { reason, sinceMs } = node
      log.warn({ reason, doubtMs: ageMs(sinceMs), broker: broker.reasons() }, 'delivery in doubt')
    } else if (!before.proved) {
      for (const room of rooms.all()) room.flush()
      log.info({ reason: before.reason, durationMs: ageMs(before.sinceMs) }, 'delivery proved again')
    }
    event = { prepared: new PreparedEvent('delivery', current()), atMs: nowMs }
    tell(event.prepared, sessions.all(), { after: toldFirst(event.prepared.payload) })
  }

  const current = (): DeliveryState =>
    node.proved ? { proved: true } : { proved: false, doubtMs: ageMs(node.sinceMs), reason: node.reason }

  const checking = setInterval(() => {
    check()
    void readHeartbeats()
  }, CHECK_INTERVAL_MS).unref()
  // Whoever connects before the next check is not told that all is well.
  const firstRead = readHeartbeats().then((hasRead) => {
    if (!hasRead) receivers.firstReadFailed(performance.now())
    const nowMs = performance.now()
    if (ofOwnDisk(nowMs).length > 0 || receivers.causes(nowMs).length > 0) check()
  })

  return {
    /** Resolves once it is known what waits at receivers, or that it cannot be known now. Never rejects. */
    ready: firstRead,

    /** To be called with whether the broker has accepted a heartbeat of this process: those of receivers fare alike. */
    onHeartbeatSent(isAccepted: boolean): void {
      receivers.heartbeatSent(isAccepted, performance.now())
      if (!isAccepted && node.proved) check()
    },

    /** How delivery is on the node as a whole. */
    state: current,

    /** Tells a connection that is new, unless all is well. */
    greet(connection: { onDelivery(event: PreparedDelivery): void }): void {
      // It may come before the check, when the process is resumed.
      if (sinceCheckMs() > SUSPENDED_MS) check()
      if (node.proved) return
      const nowMs = performance.now()
      if (event === undefined || nowMs - event.atMs > EVENT_LIFETIME_MS)
        event = { prepared: new PreparedEvent('delivery', current()), atMs: nowMs }
      connection.onDelivery(event.prepared)
    },

    /** Returns the event that puts a room in doubt, if it is in doubt by itself. */
    doubtOf(room: LocalRoom): PreparedDelivery | undefined {
      const sinceMs = roomDoubts.get(room)
      return sinceMs === undefined ? undefined : new PreparedEvent('delivery', roomDoubt(room.room, sinceMs))
    },

    stop(): void {
      clearInterval(checking)
    },
  }
}

const NOT_PROVED = 'it is not proved that notices reach this node'
/** Whatever was on its way before, a probe or the report of a receiver, proves nothing. */
const stoodStill = (before: NodeDelivery, sinceMs: number): NodeDelivery =>
  before.proved
    ? { proved: false, sinceMs, reason: STOOD_STILL }
    : { proved: false, sinceMs: Math.min(before.sinceMs, sinceMs), reason: before.reason }

const STOOD_STILL = 'this node stood still, and it is not proved yet that notices reach it'
const ROOMS_READING = 'this node is reading what it may have missed'
const ROOM_READING = 'this node is reading what it may have missed in the room'

const ageMs = (sinceMs: number): number => Math.max(0, Math.round(performance.now() - sinceMs))

const roomDoubt = (room: Room, sinceMs: number) => ({
  proved: false as const,
  doubtMs: ageMs(sinceMs),
  reason: ROOM_READING,
  rooms: [room],
})
