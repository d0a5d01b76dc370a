import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { decodeAnnouncement } from '../auth/announcements.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { FailureLimiter } from '../auth/authentication.ts'
import type { Revocations } from '../auth/revocations.ts'
import type { Broker } from '../broker/broker.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { TimerWheel } from '../lib/timers.ts'
import { createHub } from './rooms/hub.ts'
import { drainSockets } from './socket-io/server.ts'
import { createConnectionLimits } from './connection-limits.ts'
import type { GatewaySocket, GatewaySockets } from './socket-io/internals.ts'
import { guardHandshake } from './socket-io/connection.ts'
import { checkHeadsPeriodically, createPageReader, LocalRooms } from './rooms/local-rooms.ts'
import { applyAnnouncement } from './sessions/registry.ts'
import { isAllowedOrigin } from '../http/cors.ts'
import { ReplayCache } from './rooms/prepared-event.ts'
import { serveSocket } from './socket-io/connection.ts'
import { Sessions } from './sessions/registry.ts'
import { createWriter } from './socket-io/socket-transport.ts'
import { watchSlowConsumers } from './socket-io/slow-consumers.ts'
import { createStreams } from './server-sent-events.ts'

/** The path that every client of Socket.IO knows. */
const PATH = '/socket.io/'
/** Requests of sockets are small: a subscribe with the longest identifiers and a long token. */
const MAX_MESSAGE_BYTES = 16 * 1024
/** A socket that has not shown its token by then is closed. */
const AUTHENTICATE_TIMEOUT_MS = 10_000

interface RealtimeOptions {
  readonly batchWindowMs: number
  readonly drainMs: number
  /** Origins of pages that may open sockets besides the own one; `*` for any. */
  readonly origins: readonly string[]
  /** Most sockets of the node, and of one address. */
  readonly socketsAtMost: number
  readonly socketsPerAddress: number
}

interface RealtimeDependencies {
  readonly broker: Broker
  readonly admission: Authorization
  readonly guard: FailureLimiter
  /** What admission looks at; filled here with what is announced. */
  readonly revocations: Revocations
  /** Forgets what was answered of a membership: of one user, or of the whole group. */
  readonly forgetMembership: (group: string, userId?: string) => void
  readonly addressOf: ClientAddress
  readonly metrics: Metrics
  readonly log: Logger
}

/** The sockets of this node: Socket.IO on this side, sessions and rooms behind it. */
export function createRealtime(
  options: RealtimeOptions,
  {
    broker,
    admission: authorization,
    guard,
    revocations,
    forgetMembership,
    addressOf,
    metrics,
    log,
  }: RealtimeDependencies,
) {
  let draining = false
  let slowSockets: ReturnType<typeof watchSlowConsumers> | undefined
  const stopped = new AbortController()

  const connections = createConnectionLimits(
    { max: options.socketsAtMost, perAddress: options.socketsPerAddress },
    addressOf,
  )
  const io: GatewaySockets = new Server({
    path: PATH,
    // WebSocket alone needs no sticky sessions.
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    connectTimeout: AUTHENTICATE_TIMEOUT_MS,
    allowRequest: (request, answer) => {
      // Cut off rather than refused: a proxy then tries another node, and clients do too.
      if (draining || connections.isFull(request)) {
        if (!draining) metrics.socketTurnedAway()
        request.socket.destroy()
      } else answer(null, isAllowedOrigin(request.headers, options.origins))
    },
  })
  const hub = createHub(metrics)

  const rooms = new LocalRooms({ batchWindowMs: options.batchWindowMs }, { broker, hub: hub, metrics, log })

  const sessions = new Sessions()
  guardHandshake(io, { guard, log })
  const timers = new TimerWheel()
  const serving = {
    rooms,
    broker,
    readPage: createPageReader(broker),
    authorization,
    timers,
    sessions,
    hub,
    metrics,
    log,
  }
  const servingSockets = { ...serving, write: createWriter(log), replayCache: new ReplayCache() }
  io.on('connection', (socket) => serveSocket(socket, servingSockets))
  const streams = createStreams({ ...serving, connections })
  const hear = (text: string): void => {
    const announcement = decodeAnnouncement(text)
    if (announcement) applyAnnouncement(announcement, { sessions, revocations, forgetMembership })
  }
  const stopListening = [
    broker.onAnnouncement('revocations', hear),
    broker.onAnnouncement('memberships', hear),
  ]

  return {
    path: PATH,

    attach(server: HttpServer): void {
      // Upgrades that are asked for elsewhere are not ours to end.
      io.attach(server, { destroyUpgrade: false })
      const slow = watchSlowConsumers(io, { metrics, log })
      slowSockets = slow
      io.engine.on('connection', (connection: GatewaySocket['conn']) =>
        slow.watch(connection, connections.add(connection.request)),
      )
      void checkHeadsPeriodically(rooms, stopped.signal)
    },

    /** See `createStreams`. */
    openStream: streams.open,
    sockets: () => io.of('/').sockets.size + streams.count(),
    rooms: () => rooms.all().length,
    /** How many listen to this room on this node. */
    socketsIn: hub.size,
    mostWaiting: () => slowSockets?.mostWaiting() ?? 0,

    /** Sends every socket to another node, in slices over `drainMs`; new ones are refused from now on. */
    async drain(): Promise<void> {
      draining = true
      streams.drain()
      await drainSockets([...io.of('/').sockets.values()], options.drainMs)
    },

    async stop(): Promise<void> {
      stopped.abort()
      for (const stop of stopListening) stop()
      slowSockets?.stop()
      timers.stop()
      rooms.closeAll()
      // Not `disconnectSockets`: clients do not come back after it.
      io.engine.close()
    },
  }
}

export type Realtime = ReturnType<typeof createRealtime>
