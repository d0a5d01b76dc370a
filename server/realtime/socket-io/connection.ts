import { GatewayError } from '../../../shared/errors.ts'
import type { HandshakeRefusal } from '../../../shared/protocol.ts'
import { VERSION } from '../../../shared/version.ts'
import type { FailureLimiter } from '../../auth/failure-limiter.ts'
import { writeTogether } from '../../lib/written-together.ts'
import type { Refusals } from '../../telemetry/refusals.ts'
import type { DeliveryMonitor } from '../delivery/delivery.ts'
import { openingRequests } from '../opening-requests.ts'
import { protocolVersionIn } from '../protocol-version.ts'
import type { Sessions } from '../sessions/registry.ts'
import { Session } from '../sessions/session.ts'
import type { SessionDependencies } from '../sessions/session.ts'
import { settleSocket } from './idle-internals.ts'
import { releaseHandshake } from './internals.ts'
import type { GatewaySocket, GatewaySockets } from './internals.ts'
import { answerOf, onRequest, tell } from './request-internals.ts'
import type { Ack, Shortcuts } from './request-internals.ts'
import { SocketTransport } from './socket-transport.ts'
import type { SocketTransportDependencies } from './socket-transport.ts'

export interface AuthenticationDependencies {
  readonly authenticate: FailureLimiter
  readonly refusals: Refusals
}

/** Accepts only sockets with a valid credential. The others receive a `connect_error` with a code. */
export function authenticateSockets(
  io: GatewaySockets,
  { authenticate, isDraining, refusals }: AuthenticationDependencies & { readonly isDraining: () => boolean },
): void {
  const seen = new WeakSet<object>()

  async function admit({ request, handshake: { auth }, data }: GatewaySocket): Promise<void> {
    protocolVersionIn(auth)
    openingRequests(auth)
    data.principal = await authenticate(request, auth)
    // Begun before the drain, which has not seen it.
    if (isDraining()) throw new GatewayError('NODE_DRAINING')
  }

  io.use((socket, next) => {
    // One socket per connection: more of them would evade the limits, which are per socket.
    if (seen.has(socket.conn)) {
      refusals.report('handshake', new GatewayError('REQUEST_MALFORMED', 'a connection carries one socket'))
      return socket.conn.close()
    }
    seen.add(socket.conn)
    admit(socket)
      .then(() => {
        // That it is connected, `hello`, and the answers for rooms that are open.
        writeTogether(socket.request.socket)
        next()
      })
      .catch((error: unknown) => {
        const { code, message, retry } = refusals.report('handshake', error, { request: socket.request })
        const data: HandshakeRefusal = { code, retry }
        next(Object.assign(new Error(message), { data }))
        // Once the refusal has been sent. Without a socket, the connection would stay open for more attempts.
        setImmediate(() => socket.conn.close())
      })
  })
}

export interface SocketDependencies extends SessionDependencies, SocketTransportDependencies {
  readonly sessions: Sessions
  /** See `Hello`. */
  readonly silenceMs: number
  readonly shortcuts: Shortcuts
  readonly delivery: Pick<DeliveryMonitor, 'greet'>
}

/** Gives an accepted socket its session, until it disconnects. */
export function serveSocket(socket: GatewaySocket, dependencies: SocketDependencies): void {
  const { conn, data, handshake } = socket
  const { principal } = data
  const { sessions, silenceMs, shortcuts } = dependencies
  const requests = openingRequests(handshake.auth)
  const protocolVersion = protocolVersionIn(handshake.auth)
  releaseHandshake(socket)
  // Before the session, which may have something to say.
  const expiresInMs = Math.max(0, principal.expiresAtMs - Date.now())
  const hello = { expiresInMs, silenceMs, protocolVersion: VERSION }
  tell(
    socket,
    'hello',
    requests === undefined ? hello : { ...hello, subscribing: requests.length },
    shortcuts,
  )
  const transport = new SocketTransport(socket, protocolVersion, dependencies)
  const session = new Session(principal, transport, dependencies)
  onRequest(
    socket,
    (name, values, ack) => {
      // A valid request has exactly one value; parsing refuses anything else.
      const payload = values.length === 1 ? values[0] : values
      void dispatch(session, name, payload, ack)
    },
    shortcuts,
  )
  sessions.add(principal.id, session)
  dependencies.delivery.greet(transport)
  socket.on('disconnect', () => {
    sessions.remove(principal.id, session)
    session.end()
    // A client can leave its socket, and keep the connection: without a session, nothing would end it.
    conn.close()
  })
  settleSocket(socket)
  for (const [index, request] of requests?.entries() ?? [])
    void session.subscribe(request, answerOf(socket, index, shortcuts))
}

function dispatch(session: Session, name: string, payload: unknown, ack: Ack): Promise<void> {
  switch (name) {
    case 'subscribe':
      return session.subscribe(payload, ack)
    case 'unsubscribe':
      return session.unsubscribe(payload, ack)
    case 'recalled':
      return session.recalled(payload, ack)
    case 'refresh':
      return session.refresh(payload, ack)
    default:
      return session.refuseUnknown(payload, ack)
  }
}
