import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../../../shared/errors.ts'
import { SOCKET_PATH } from '../../../shared/limits.ts'
import { respondWithError } from '../../http/error-response.ts'
import { originRefusal } from '../../http/origins.ts'
import type { OriginCheck } from '../../http/origins.ts'
import type { Refusals } from '../../telemetry/refusals.ts'
import type { ConnectionLimits } from '../connection-limits.ts'

/** Returns why a request to open a socket is refused before it is opened; undefined if it is not. */
type CheckHandshake = (request: IncomingMessage) => GatewayError | undefined

/** The check runs before that of Socket.IO, which says neither to its caller nor to anybody else what is wrong. */
export function createHandshakeCheck(
  isAllowedOrigin: OriginCheck,
  connections: ConnectionLimits,
): CheckHandshake {
  return (request) => {
    const form = checkTarget(request)
    if (form !== undefined) return new GatewayError('REQUEST_MALFORMED', form)
    if (!isAllowedOrigin(request)) return originRefusal(request.headers)
    const refusal = connections.refusal(request)
    if (refusal) return refusal
    const upgrade = checkUpgrade(request)
    return upgrade === undefined ? undefined : new GatewayError('REQUEST_MALFORMED', upgrade)
  }
}

/** What nearly all clients send. */
const USUAL_TARGET = `${SOCKET_PATH}?EIO=4&transport=websocket`

/** Returns what is wrong with the path or the parameters. */
function checkTarget({ url = '' }: IncomingMessage): string | undefined {
  if (url === USUAL_TARGET) return undefined
  const [path, query = ''] = url.split('?', 2)
  if (path !== SOCKET_PATH) return `the path must be ${SOCKET_PATH}`
  // Of a parameter that appears twice, Socket.IO reads the last.
  const parameters = Object.fromEntries(new URLSearchParams(query))
  if (parameters['EIO'] !== '4') return 'EIO must be 4: Socket.IO 3 or newer'
  if (parameters['transport'] !== 'websocket') return 'the transport must be websocket'
  // Engine.IO would move the socket to this connection, past every limit.
  if ('sid' in parameters) return 'a socket cannot move to another connection'
  return undefined
}

/** Returns what is wrong with the headers that ask for a WebSocket. Last, so that a page can ask without them. */
function checkUpgrade({ headers, httpVersion }: IncomingMessage): string | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket' || httpVersion !== '1.1')
    return 'this is not a request to open a WebSocket: a proxy may need to be told to pass Upgrade on, over HTTP/1.1'
  if (!['13', '8'].includes(headers['sec-websocket-version'] ?? '')) return 'Sec-WebSocket-Version must be 13'
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) return 'Sec-WebSocket-Key is invalid'
  return undefined
}

/**
 * Responds to requests at the path of sockets that do not open one: to other transports, and to pages that ask why they are
 * refused, since a browser does not tell them. Returns false for any other path.
 */
export const createHandshakeResponder =
  (check: CheckHandshake, refusals: Refusals) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!request.url?.startsWith(SOCKET_PATH)) return false
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After')
    response.setHeader('X-Content-Type-Options', 'nosniff')
    // Without the headers, which upgrades alone have, there is always a reason.
    const error = check(request) ?? new GatewayError('REQUEST_MALFORMED')
    respondWithError(response, refusals.report('handshake', error, { request }))
    return true
  }
