import { faceRoom, toBatch } from './audience.ts'
import { flushed } from './flushed.ts'
import type { GatewaySocket } from './gateway-socket.ts'
import { Session } from './session.ts'
import type { SessionDependencies } from './session.ts'
import type { Sessions } from './sessions.ts'

interface SocketDependencies extends Omit<SessionDependencies, 'socket'> {
  readonly sessions: Sessions
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
      tellUnsubscribed: (unsubscribed) => void socket.emit('unsubscribed', unsubscribed),
      close(goodbye) {
        socket.emit('goodbye', goodbye)
        socket.conn.close()
      },
    },
  })
  socket.on('subscribe', (ask: unknown, answer: unknown) => void session.subscribe(ask, asCallback(answer)))
  socket.on(
    'unsubscribe',
    (room: unknown, answer: unknown) => void session.unsubscribe(room, asCallback(answer)),
  )
  socket.on('recalled', (ask: unknown, answer: unknown) => void session.recalled(ask, asCallback(answer)))
  socket.on('refresh', (auth: unknown, answer: unknown) => void session.refresh(auth, asCallback(answer)))
  dependencies.sessions.add(principal.id, session)
  socket.on('disconnect', () => {
    dependencies.sessions.remove(principal.id, session)
    session.end()
  })
}

/** A client may ask without waiting for an answer, or send anything in its place. */
const asCallback = (answer: unknown): ((value: unknown) => void) =>
  typeof answer === 'function' ? (answer as (value: unknown) => void) : () => undefined
