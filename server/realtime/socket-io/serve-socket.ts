import { forgetHandshake } from './forget-handshake.ts'
import type { GatewaySocket } from './gateway-socket.ts'
import { Session } from '../sessions/session.ts'
import type { SessionDependencies } from '../sessions/session.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { SocketSide } from './socket-side.ts'
import type { SocketSideDependencies } from './socket-side.ts'

interface SocketDependencies extends SessionDependencies, SocketSideDependencies {
  readonly sessions: Sessions
}

/** Gives a socket its session, from the handshake until it is gone or its credential ends. */
export function serveSocket(socket: GatewaySocket, dependencies: SocketDependencies): void {
  const { principal } = socket.data
  const { sessions } = dependencies
  forgetHandshake(socket)
  const session = new Session(principal, new SocketSide(socket, dependencies), dependencies)
  socket.onAny((name: string, ...values: unknown[]) => {
    const answer = takeCallback(values)
    // No value, or several, are no request: what checks it says so.
    const payload = values.length === 1 ? values[0] : values
    void serve(session, name, payload, answer)
  })
  sessions.add(principal.id, session)
  socket.on('disconnect', () => {
    sessions.remove(principal.id, session)
    session.end()
  })
}

function serve(
  session: Session,
  name: string,
  payload: unknown,
  answer: (answer: unknown) => void,
): Promise<void> {
  switch (name) {
    case 'subscribe':
      return session.subscribe(payload, answer)
    case 'unsubscribe':
      return session.unsubscribe(payload, answer)
    case 'recalled':
      return session.recalled(payload, answer)
    case 'refresh':
      return session.refresh(payload, answer)
    default:
      return session.refuseUnknown(answer)
  }
}

/** Takes the callback off the values of a request. A client may ask without waiting for an answer. */
function takeCallback(values: unknown[]): (answer: unknown) => void {
  if (typeof values.at(-1) !== 'function') return () => undefined
  return values.pop() as (answer: unknown) => void
}
