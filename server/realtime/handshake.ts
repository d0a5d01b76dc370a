import { RateLimiterMemory } from 'rate-limiter-flexible'
import { asGatewayError, ERRORS, GatewayError } from '../../shared/errors.ts'
import type { HandshakeRefusal } from '../../shared/protocol.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Principal } from '../auth/principal.ts'
import { clientNetwork } from '../client-address.ts'
import type { ClientAddress } from '../client-address.ts'
import type { Logger } from '../ops/logger.ts'
import type { GatewaySocket, GatewaySockets } from './gateway-socket.ts'

/** Refused handshakes of one address before it has to wait; far more than one who reloads with an old token needs. */
const FAILURES_AT_MOST = 30
const FAILURES_WITHIN_S = 60

interface HandshakeDependencies {
  readonly authenticate: Authenticate
  readonly addressOf: ClientAddress
  readonly log: Logger
}

/** Lets in only sockets that prove who they are; the others get a `connect_error` with a code. */
export function guardHandshake(
  io: GatewaySockets,
  { authenticate, addressOf, log }: HandshakeDependencies,
): void {
  const served = new WeakSet<object>()
  const failures = new RateLimiterMemory({ points: FAILURES_AT_MOST, duration: FAILURES_WITHIN_S })

  async function check({ handshake, request }: GatewaySocket): Promise<Principal> {
    const client = clientNetwork(addressOf(request))
    const counted = await failures.get(client)
    if (counted !== null && counted.remainingPoints <= 0) throw new GatewayError('TOO_MANY_FAILURES')
    try {
      return await authenticate(handshake.auth)
    } catch (error) {
      // Beyond the limit it rejects, which the next handshake finds out.
      if (asGatewayError(error).code === 'TOKEN_REFUSED')
        await failures.consume(client).catch(() => undefined)
      throw error
    }
  }

  io.use((socket, next) => {
    // One connection, one socket: more would be a way around what is limited per socket.
    if (served.has(socket.conn)) return socket.conn.close()
    served.add(socket.conn)
    check(socket).then(
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
