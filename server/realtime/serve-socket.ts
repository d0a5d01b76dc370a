import { GOODBYES } from '../../shared/errors.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import { faceRoom, toBatch } from './audience.ts'
import { flushed } from './flushed.ts'
import type { GatewaySocket } from './gateway-socket.ts'
import type { LocalRooms } from './local-rooms.ts'
import type { Turnstile } from './turnstile.ts'
import { Session } from './session.ts'

/** Longest time that a timer of Node can wait. */
const TIMER_AT_MOST_MS = 2 ** 31 - 1

interface SocketDependencies {
  readonly rooms: LocalRooms
  readonly broker: Broker
  readonly readInTurn: Turnstile
  readonly metrics: Metrics
  readonly log: Logger
}

/** Gives a socket its session, from the handshake until it is gone or its credential ends. */
export function serveSocket(socket: GatewaySocket, dependencies: SocketDependencies): void {
  const { principal } = socket.data
  const face = principal.role
  const session = new Session(principal, {
    ...dependencies,
    socket: {
      isOpen: () => socket.connected,
      flushed: () => flushed(socket.conn),
      join: (room) => void socket.join(faceRoom(face, room)),
      leave: (room) => void socket.leave(faceRoom(face, room)),
      replay(room, epoch, notices) {
        if (notices.length === 0) return
        dependencies.metrics.noticesDelivered(notices.length, 1)
        socket.emit('messages-recalled', toBatch(face, room, epoch, notices))
      },
      tellGap: (room, reason, position) => void socket.emit('gap', { room, reason, position }),
    },
  })
  socket.on('subscribe', (ask: unknown, answer: unknown) => void session.subscribe(ask, asCallback(answer)))
  socket.on(
    'unsubscribe',
    (room: unknown, answer: unknown) => void session.unsubscribe(room, asCallback(answer)),
  )
  socket.on('recalled', (ask: unknown, answer: unknown) => void session.recalled(ask, asCallback(answer)))
  const disarm = endWithCredential(socket, principal.expiresAtMs)
  socket.on('disconnect', () => {
    disarm()
    session.end()
  })
}

/** A client may ask without waiting for an answer, or send anything in its place. */
const asCallback = (answer: unknown): ((value: unknown) => void) =>
  typeof answer === 'function' ? (answer as (value: unknown) => void) : () => undefined

/** Says goodbye when the credential ends. Answers how to call that off. */
function endWithCredential(socket: GatewaySocket, expiresAtMs: number): () => void {
  let timer: NodeJS.Timeout
  const end = (): void => {
    socket.emit('goodbye', GOODBYES.CREDENTIAL_ENDED)
    socket.conn.close()
  }
  const arm = (): void => {
    const leftMs = expiresAtMs - Date.now()
    timer = leftMs > TIMER_AT_MOST_MS ? setTimeout(arm, TIMER_AT_MOST_MS) : setTimeout(end, leftMs)
  }
  arm()
  return () => clearTimeout(timer)
}
