import type { FailureLimiter } from '../auth/failure-limiter.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Revocations } from '../auth/revocations.ts'
import type { Broker } from '../broker/broker.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { OriginCheck } from '../http/origins.ts'
import type { MemoryBudget } from '../lib/memory-budget.ts'
import { TimerWheel } from '../lib/timers.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import type { Tracing } from '../telemetry/tracing/tracing.ts'
import { createConnectionLimits } from './connection-limits.ts'
import { monitorDelivery } from './delivery/delivery.ts'
import type { WaitingOnDisk } from './delivery/delivery.ts'
import { dismissInSlices } from './drain.ts'
import { createDeliveryTrace } from './rooms/delivery-trace.ts'
import { createHub } from './rooms/hub.ts'
import { checkHeadsPeriodically, createPageReader, LocalRooms } from './rooms/local-rooms.ts'
import type { OnTold } from './rooms/told-notes.ts'
import { createOwnPresence } from './presence/own-presence.ts'
import { createStreams } from './server-sent-events/streams.ts'
import { followAnnouncements, Sessions } from './sessions/registry.ts'
import { UserBudgets } from './sessions/user-budgets.ts'
import { createSocketServer } from './socket-io/server.ts'

interface RealtimeOptions {
  readonly batchWindowMs: number
  readonly drainMs: number
  /** How often a ping is sent on each socket, and a comment on each stream. */
  readonly heartbeatMs: number
  /** Maximum number of connections, to this node and from one address. */
  readonly maxSockets: number
  readonly maxSocketsPerAddress: number
}

interface RealtimeDependencies {
  readonly broker: Broker
  /** The same for those who ask a lot; see `paceReads`. */
  readonly reads: Pick<Broker, 'history' | 'recalled'>
  readonly authorization: Authorization
  readonly authenticateRequest: FailureLimiter
  /** Consulted by `authorization`; filled here from announcements. */
  readonly revocations: Revocations
  /** Drops a cached membership: of one user, or of the whole group. */
  readonly forgetMembership: (group: string, userId?: string) => void
  readonly addressOf: ClientAddress
  readonly isAllowedOrigin: OriginCheck
  /** What waits on the disk of this process to be published. */
  readonly waitingOnDisk: WaitingOnDisk
  /** Called with what was told; undefined if nobody wants to know. */
  readonly onTold?: OnTold | undefined
  /** Bounds what waits for all of them. */
  readonly memory: MemoryBudget
  /** In which requests are served. */
  readonly turns: RequestTurns
  readonly metrics: Metrics
  readonly refusals: Refusals
  readonly tracing: Tracing
  readonly log: Logger
}

/** This node's connections: the transports, their sessions, and the rooms of these sessions. */
export function createRealtime(options: RealtimeOptions, dependencies: RealtimeDependencies) {
  const {
    broker,
    reads,
    authorization,
    authenticateRequest: authenticate,
    addressOf,
    isAllowedOrigin,
    memory,
    turns,
    waitingOnDisk,
    onTold,
    metrics,
    refusals,
    tracing,
    log,
  } = dependencies
  const hub = createHub(metrics, onTold, createDeliveryTrace({ tracing, log }))
  const rooms = new LocalRooms({ batchWindowMs: options.batchWindowMs }, { broker, hub, metrics, log })
  const readPage = createPageReader(reads)
  const sessions = new Sessions()
  const delivery = monitorDelivery({ broker, rooms, hub, sessions, waitingOnDisk, log })
  const timers = new TimerWheel()
  const connections = createConnectionLimits(
    { max: options.maxSockets, perAddress: options.maxSocketsPerAddress },
    { addressOf, memory, metrics },
  )
  const telemetry = { metrics, refusals, log }
  const joining = { rooms, readPage, onTold, doubtOf: delivery.doubtOf, delivery }
  const serving = {
    broker: reads,
    hub,
    sessions,
    authorization,
    timers,
    userBudgets: new UserBudgets(),
    connections,
    memory,
    turns,
    ...joining,
    ...telemetry,
  }
  const { heartbeatMs } = options
  const sockets = createSocketServer({ ...serving, heartbeatMs, authenticate, isAllowedOrigin })
  const streams = createStreams(serving, heartbeatMs)
  const announcements = followAnnouncements(broker, { sessions, ...dependencies })
  const stopped = new AbortController()

  void checkHeadsPeriodically(rooms, stopped.signal)

  return {
    /** The first transport, for the HTTP server. */
    webSockets: sockets,

    /** Resolves once sockets can be admitted. */
    caughtUp: Promise.all([announcements.caughtUp, delivery.ready]),

    /** See `createStreams`. */
    openStream: streams.open,
    sockets: (): number => sockets.count() + streams.count(),
    /** Of these sockets, the streams of server-sent events. */
    streams: streams.count,
    rooms: (): number => rooms.all().length,
    /** Returns how many listeners a room has on this node. */
    socketsIn: hub.size,
    /** Who is connected to this node. */
    presence: createOwnPresence(sessions),
    /** To be called with whether the broker has accepted a heartbeat of this process. */
    onHeartbeatSent: delivery.onHeartbeatSent,
    /** Whether notices are proved to arrive at the sockets of this node. */
    delivery: delivery.state,
    maxBufferedBytes: (): number => Math.max(sockets.maxBufferedBytes(), streams.maxBufferedBytes()),

    /** Sends every connection to another node, in slices over `drainMs`. Refuses new ones from now on. */
    async drain(): Promise<void> {
      connections.drain()
      await dismissInSlices([...sockets.dismissals(), ...streams.dismissals()], options.drainMs)
    },

    async stop(): Promise<void> {
      stopped.abort()
      announcements.stop()
      delivery.stop()
      timers.stop()
      rooms.closeAll()
      sockets.stop()
    },
  }
}

export type Realtime = ReturnType<typeof createRealtime>
