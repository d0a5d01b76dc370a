import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { asGatewayError, ERRORS, GOODBYES } from '../../shared/errors.ts'
import { toMemberNotice } from '../../shared/notice.ts'
import type { Notice } from '../../shared/notice.ts'
import type { HandshakeRefusal, NoticeBatch } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../ops/logger.ts'
import { drainSockets } from './drain.ts'
import { FACES, faceRoom } from './faces.ts'
import type { Face } from './faces.ts'
import { LocalRoom } from './local-room.ts'
import { LocalRooms } from './local-rooms.ts'
import type { GatewaySocket, GatewaySockets } from './gateway-socket.ts'
import { isAllowedOrigin } from './origin.ts'
import { createOutbox } from './outbox.ts'
import { Session } from './session.ts'
import { closeSlowSockets } from './slow-sockets.ts'

/** Requests of sockets are small: a subscribe with the longest identifiers and a long token. */
const MESSAGE_AT_MOST_BYTES = 16 * 1024
/** A socket that has not shown its token by then is closed. */
const AUTHENTICATE_WITHIN_MS = 10_000
const NOTICES_PER_REPLAY_FRAME = 100
const LOOK_FOR_SLOW_EVERY_MS = 1_000
/** Longest time that a timer of Node can wait. */
const TIMER_AT_MOST_MS = 2 ** 31 - 1

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

  const io: GatewaySockets = new Server({
    // WebSocket alone needs no sticky sessions.
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MESSAGE_AT_MOST_BYTES,
    connectTimeout: AUTHENTICATE_WITHIN_MS,
    // A refusal at this door, unlike one of the handshake after it, makes clients try again elsewhere.
    allowRequest: (request, answer) => {
      const allowed = !draining && isAllowedOrigin(request.headers, options.origins)
      answer(null, allowed)
    },
  })

  const rooms = new LocalRooms((room) => {
    const local: LocalRoom = new LocalRoom(room, {
      broker,
      log,
      outbox: createOutbox(
        { windowMs: options.batchWindowMs },
        (notices) => spread(room, local.position.epoch, notices),
        { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) },
      ),
      tellGap: (reason, position) =>
        io.to(FACES.map((face) => faceRoom(face, room))).emit('gap', { room, reason, position }),
    })
    return local
  })

  function spread(room: Room, epoch: string, notices: readonly Notice[]): void {
    for (const face of FACES) {
      const audience = faceRoom(face, room)
      if (!io.of('/').adapter.rooms.has(audience)) continue
      io.to(audience).emit('messages-recalled', toBatch(face, room, epoch, notices))
    }
  }

  io.use((socket, next) => {
    authenticate(socket.handshake.auth).then(
      (principal) => {
        socket.data.principal = principal
        next()
      },
      (error: unknown) => {
        const known = asGatewayError(error)
        log.warn({ code: known.code, detail: known.message }, 'socket refused')
        const data: HandshakeRefusal = { code: known.code, retry: ERRORS[known.code].retry }
        next(Object.assign(new Error(known.message), { data }))
      },
    )
  })

  io.on('connection', (socket) => {
    const { principal } = socket.data
    const face: Face = principal.role
    const session = new Session(principal, {
      rooms,
      broker,
      log,
      socket: {
        isOpen: () => socket.connected,
        join: (room) => void socket.join(faceRoom(face, room)),
        leave: (room) => void socket.leave(faceRoom(face, room)),
        replay(room, epoch, notices) {
          for (let i = 0; i < notices.length; i += NOTICES_PER_REPLAY_FRAME) {
            const part = notices.slice(i, i + NOTICES_PER_REPLAY_FRAME)
            socket.emit('messages-recalled', toBatch(face, room, epoch, part))
          }
        },
      },
    })
    socket.on(
      'subscribe',
      (payload: unknown, answer: unknown) => void session.subscribe(payload, asCallback(answer)),
    )
    socket.on(
      'unsubscribe',
      (payload: unknown, answer: unknown) => void session.unsubscribe(payload, asCallback(answer)),
    )
    const disarm = endWithCredential(socket, principal.expiresAtMs)
    socket.on('disconnect', () => {
      disarm()
      session.end()
    })
  })

  return {
    attach(server: HttpServer): void {
      io.attach(server)
      looking = setInterval(() => closeSlowSockets(io.of('/').sockets.values(), log), LOOK_FOR_SLOW_EVERY_MS)
      looking.unref()
    },

    /** Sends every socket to another node, in slices over `drainMs`; new ones are refused from now on. */
    async drain(): Promise<void> {
      draining = true
      await drainSockets([...io.of('/').sockets.values()], options.drainMs)
    },

    async stop(): Promise<void> {
      clearInterval(looking)
      rooms.closeAll()
      // Not `disconnectSockets`: clients do not come back after it.
      io.engine.close()
    },
  }
}

export type Realtime = ReturnType<typeof createRealtime>

const toBatch = (face: Face, room: Room, epoch: string, notices: readonly Notice[]): NoticeBatch => ({
  room,
  epoch,
  notices: face === 'admin' ? notices : notices.map(toMemberNotice),
})

/** A client may ask without waiting for an answer, or send anything in its place. */
const asCallback = (answer: unknown): ((value: unknown) => void) =>
  typeof answer === 'function' ? (answer as (value: unknown) => void) : () => undefined

/** Says goodbye when the credential ends. Answers how to call that off. */
function endWithCredential(socket: GatewaySocket, expiresAtMs: number): () => void {
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const leftMs = expiresAtMs - Date.now()
    timer = setTimeout(() => (leftMs > TIMER_AT_MOST_MS ? arm() : end()), Math.min(leftMs, TIMER_AT_MOST_MS))
  }
  const end = (): void => {
    socket.emit('goodbye', GOODBYES.CREDENTIAL_ENDED)
    socket.conn.close()
  }
  arm()
  return () => clearTimeout(timer)
}
