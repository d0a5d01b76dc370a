import { faceRoom, toBatch } from './audience.ts'
import { flushed } from './flushed.ts'
import type { GatewaySocket } from './gateway-socket.ts'
import { Session } from './session.ts'
import type { SessionDependencies } from './session.ts'
import type { Sessions } from './sessions.ts'

interface SocketDependencies extends Omit<SessionDependencies, 'socket'> {
  readonly sessions: Sessions
}

type Serve = (payload: unknown, answer: (answer: unknown) => void) => Promise<void>

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
  const requests = new Map<string, Serve>([
    ['subscribe', (ask, answer) => session.subscribe(ask, answer)],
    ['unsubscribe', (room, answer) => session.unsubscribe(room, answer)],
    ['recalled', (ask, answer) => session.recalled(ask, answer)],
    ['refresh', (auth, answer) => session.refresh(auth, answer)],
  ])
  socket.onAny((name: string, ...values: unknown[]) => {
    const answer = takeCallback(values)
    // No value, or several, are no request: what checks it says so.
    const payload = values.length === 1 ? values[0] : values
    const serve = requests.get(name) ?? ((_, refuse) => session.refuseUnknown(refuse))
    void serve(payload, answer)
  })
  dependencies.sessions.add(principal.id, session)
  socket.on('disconnect', () => {
    dependencies.sessions.remove(principal.id, session)
    session.end()
  })
}

/** Takes the callback off the values of a request. A client may ask without waiting for an answer. */
function takeCallback(values: unknown[]): (answer: unknown) => void {
  if (typeof values.at(-1) !== 'function') return () => undefined
  return values.pop() as (answer: unknown) => void
}
