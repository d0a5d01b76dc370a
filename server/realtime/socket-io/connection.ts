import { releaseHandshake } from './internals.ts'
import type { GatewaySocket, GatewaySockets } from './internals.ts'
import { Session } from '../sessions/session.ts'
import type { SessionDependencies } from '../sessions/session.ts'
import type { Sessions } from '../sessions/registry.ts'
import { SocketTransport } from './socket-transport.ts'
import type { SocketTransportDependencies } from './socket-transport.ts'
import { asGatewayError, ERRORS } from '../../../shared/errors.ts'
import type { HandshakeRefusal } from '../../../shared/protocol.ts'
import type { FailureLimiter } from '../../auth/authentication.ts'
import type { Logger } from '../../telemetry/logger.ts'

export interface SocketDependencies extends SessionDependencies, SocketTransportDependencies {
  readonly sessions: Sessions
}

/** Gives a socket its session, from the handshake until it is gone or its credential ends. */
export function serveSocket(socket: GatewaySocket, dependencies: SocketDependencies): void {
  const { principal } = socket.data
  const { sessions } = dependencies
  releaseHandshake(socket)
  const session = new Session(principal, new SocketTransport(socket, dependencies), dependencies)
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

export interface AuthenticationDependencies {
  readonly authenticate: FailureLimiter
  readonly log: Logger
}

/** Lets in only sockets that prove who they are; the others get a `connect_error` with a code. */
export function authenticateSockets(
  io: GatewaySockets,
  { authenticate, log }: AuthenticationDependencies,
): void {
  const served = new WeakSet<object>()

  io.use((socket, next) => {
    // One connection, one socket: more would be a way around what is limited per socket.
    if (served.has(socket.conn)) return socket.conn.close()
    served.add(socket.conn)
    authenticate(socket.request, socket.handshake.auth).then(
      (principal) => {
        socket.data.principal = principal
        next()
      },
      (error: unknown) => {
        const { code, message, cause } = asGatewayError(error)
        log.warn({ code, detail: message, ...(code === 'INTERNAL' && { err: cause }) }, 'socket refused')
        const data: HandshakeRefusal = { code, retry: ERRORS[code].retry }
        next(Object.assign(new Error(message), { data }))
        // Once the refusal is on its way: a connection without a socket would be there for more tries.
        setImmediate(() => socket.conn.close())
      },
    )
  })
}
