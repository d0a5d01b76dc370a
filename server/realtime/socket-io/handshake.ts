import { asGatewayError, ERRORS } from '../../../shared/errors.ts'
import type { HandshakeRefusal } from '../../../shared/protocol.ts'
import type { Guard } from '../../auth/authentication.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { GatewaySockets } from './gateway-socket.ts'

interface HandshakeDependencies {
  readonly guard: Guard
  readonly log: Logger
}

/** Lets in only sockets that prove who they are; the others get a `connect_error` with a code. */
export function guardHandshake(io: GatewaySockets, { guard, log }: HandshakeDependencies): void {
  const served = new WeakSet<object>()

  io.use((socket, next) => {
    // One connection, one socket: more would be a way around what is limited per socket.
    if (served.has(socket.conn)) return socket.conn.close()
    served.add(socket.conn)
    guard(socket.request, socket.handshake.auth).then(
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
