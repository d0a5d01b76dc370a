import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../ops/logger.ts'
import { createAudience } from './audience.ts'
import { compareTops } from './compare-tops.ts'
import { drainSockets } from './drain.ts'
import type { GatewaySockets } from './gateway-socket.ts'
import { guardHandshake } from './handshake.ts'
import { LocalRoom } from './local-room.ts'
import { LocalRooms } from './local-rooms.ts'
import { isAllowedOrigin } from './origin.ts'
import { createOutbox } from './outbox.ts'
import { serveSocket } from './serve-socket.ts'
import { closeSlowSockets } from './slow-sockets.ts'

/** Requests of sockets are small: a subscribe with the longest identifiers and a long token. */
const MESSAGE_AT_MOST_BYTES = 16 * 1024
/** A socket that has not shown its token by then is closed. */
const AUTHENTICATE_WITHIN_MS = 10_000
const LOOK_FOR_SLOW_EVERY_MS = 1_000

interface RealtimeOptions {
  readonly batchWindowMs: number
  readonly drainMs: number
  /** Origins of pages that may open sockets besides the own one; `*` for any. */
  readonly origins: readonly string[]
}

interface RealtimeDependencies {
  readonly broker: Broker
  readonly authenticate: Authenticate
  readonly log: Logger
}

/** The sockets of this node: Socket.IO on this side, sessions and rooms behind it. */
export function createRealtime(
  options: RealtimeOptions,
  { broker, authenticate, log }: RealtimeDependencies,
) {
  let draining = false
  let looking: NodeJS.Timeout | undefined
  const stopped = new AbortController()

  const io: GatewaySockets = new Server({
    // WebSocket alone needs no sticky sessions.
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MESSAGE_AT_MOST_BYTES,
    connectTimeout: AUTHENTICATE_WITHIN_MS,
    // A refusal at this door, unlike one of the handshake after it, makes clients try again elsewhere.
    allowRequest: (request, answer) =>
      answer(null, !draining && isAllowedOrigin(request.headers, options.origins)),
  })
  const audience = createAudience(io)

  const rooms = new LocalRooms((room) => {
    const local: LocalRoom = new LocalRoom(room, {
      broker,
      log,
      outbox: createOutbox({ windowMs: options.batchWindowMs }, (notices) =>
        audience.tellNotices(room, local.position.epoch, notices),
      ),
      tellGap: (reason, position) => audience.tellGap(room, reason, position),
    })
    return local
  })

  guardHandshake(io, authenticate, log)
  io.on('connection', (socket) => serveSocket(socket, { rooms, broker, log }))

  return {
    attach(server: HttpServer): void {
      io.attach(server)
      looking = setInterval(() => closeSlowSockets(io.of('/').sockets.values(), log), LOOK_FOR_SLOW_EVERY_MS)
      looking.unref()
      void compareTops(rooms, broker, log, stopped.signal)
    },

    /** Sends every socket to another node, in slices over `drainMs`; new ones are refused from now on. */
    async drain(): Promise<void> {
      draining = true
      await drainSockets([...io.of('/').sockets.values()], options.drainMs)
    },

    async stop(): Promise<void> {
      clearInterval(looking)
      stopped.abort()
      rooms.closeAll()
      // Not `disconnectSockets`: clients do not come back after it.
      io.engine.close()
    },
  }
}

export type Realtime = ReturnType<typeof createRealtime>
