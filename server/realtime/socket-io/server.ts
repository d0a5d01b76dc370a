import type { Server as HttpServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { Server } from 'socket.io'
import { GOODBYES } from '../../../shared/errors.ts'
import { isAllowedOrigin } from '../../http/cors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ConnectionLimits } from '../connection-limits.ts'
import { ReplayCache } from '../rooms/prepared-event.ts'
import { authenticateSockets, serveSocket } from './connection.ts'
import type { AuthenticationDependencies, SocketDependencies } from './connection.ts'
import type { Connection, GatewaySocket, GatewaySockets } from './internals.ts'
import { watchSlowConsumers } from './slow-consumers.ts'
import { createWriter } from './socket-transport.ts'

/** The default of every Socket.IO client. */
const PATH = '/socket.io/'
/** Requests of sockets are small: the largest is a subscribe with the longest identifiers and a long token. */
const MAX_MESSAGE_BYTES = 16 * 1024
/** A socket that has not presented a credential by then is closed. */
const AUTHENTICATE_TIMEOUT_MS = 10_000
const DRAIN_SLICE_MS = 100
/** Spreads reconnects, so that they do not hit the next node all at the same moment. */
const MAX_RETRY_DELAY_MS = 2_000

interface SocketServerOptions {
  /** How long a drain takes, in ms. */
  readonly drainMs: number
  /** Origins of pages that may open sockets, besides the gateway's own; `*` for any. */
  readonly origins: readonly string[]
}

interface SocketServerDependencies
  extends AuthenticationDependencies, Omit<SocketDependencies, 'write' | 'replayCache'> {
  readonly connections: ConnectionLimits
  readonly log: Logger
}

/** The first transport: sessions over Socket.IO, on WebSocket alone. */
export function createSocketServer(
  { drainMs, origins }: SocketServerOptions,
  { connections, ...dependencies }: SocketServerDependencies,
) {
  const { metrics, log } = dependencies
  let isDraining = false
  let slowConsumers: ReturnType<typeof watchSlowConsumers> | undefined

  const io: GatewaySockets = new Server({
    path: PATH,
    // WebSocket alone needs no sticky sessions.
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    connectTimeout: AUTHENTICATE_TIMEOUT_MS,
    allowRequest: (request, decide) => {
      // Reset rather than refused: a proxy then tries another node, and so do clients.
      if (isDraining || connections.isFull(request)) {
        if (!isDraining) metrics.connectionRefused()
        request.socket.destroy()
      } else decide(null, isAllowedOrigin(request.headers, origins))
    },
  })
  authenticateSockets(io, dependencies)
  const serving = { ...dependencies, write: createWriter(log), replayCache: new ReplayCache() }
  io.on('connection', (socket) => serveSocket(socket, serving))

  return {
    path: PATH,

    attach(server: HttpServer): void {
      // Socket.IO must not end upgrades for other paths.
      io.attach(server, { destroyUpgrade: false })
      const slow = watchSlowConsumers(io, { metrics, log })
      slowConsumers = slow
      io.engine.on('connection', (connection: Connection) =>
        slow.watch(connection, connections.add(connection.request)),
      )
    },

    count: (): number => io.of('/').sockets.size,
    /** Returns how many bytes are buffered for the slowest connection. */
    maxBufferedBytes: (): number => slowConsumers?.maxBufferedBytes() ?? 0,

    /** Sends every socket to another node, in slices over `drainMs`; refuses new ones from now on. */
    async drain(): Promise<void> {
      isDraining = true
      await drainSockets([...io.of('/').sockets.values()], drainMs)
    },

    stop(): void {
      slowConsumers?.stop()
      // Not `disconnectSockets`: clients do not reconnect after it.
      io.engine.close()
    },
  }
}

/**
 * Says goodbye to the sockets in equal slices over `overMs`, and closes their connections rather than their sessions, so
 * that clients reconnect. Takes `overMs` even without sockets: a load balancer needs as long to see that this process is
 * not ready.
 */
async function drainSockets(sockets: readonly GatewaySocket[], overMs: number): Promise<void> {
  const slices = Math.max(1, Math.floor(overMs / DRAIN_SLICE_MS))
  const end = (slice: number): number => Math.round((slice * sockets.length) / slices)
  for (let slice = 0; slice < slices; slice++) {
    for (const socket of sockets.slice(end(slice), end(slice + 1))) {
      socket.emit('goodbye', {
        ...GOODBYES.DRAINING,
        retryInMs: Math.round(Math.random() * MAX_RETRY_DELAY_MS),
      })
      socket.conn.close()
    }
    if (overMs > 0) await delay(DRAIN_SLICE_MS)
  }
}
