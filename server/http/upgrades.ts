import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { GatewayError } from '../../shared/errors.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { endWithError } from './error-response.ts'
import { checkForm } from './request-form.ts'

/** Takes WebSockets at one path. */
export interface WebSockets {
  readonly path: string
  /** Takes the connection of a request to open a WebSocket, and opens it or responds with the reason. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

interface UpgradeDependencies {
  /** Undefined for none. */
  readonly webSockets: WebSockets | undefined
  /** Takes the base path from a target; undefined without one. */
  readonly strip: ((request: IncomingMessage) => void) | undefined
  readonly onWebSocket: (connection: Socket) => void
  /** Whether every request of a connection has been answered. */
  readonly isIdle: (connection: Socket) => boolean
  readonly refusals: Refusals
}

/**
 * Ignores requests to upgrade to another protocol, except to a WebSocket, and serves them as usual. HTTP allows that, and some
 * clients offer HTTP/2 with every request. Otherwise Node would leave such a request to the listener of `upgrade`: a webhook
 * would be lost, and its connection never closed. `plain` serves those connections: a server without such a listener reads
 * these requests like any other.
 */
export function serveUpgrades(
  server: Server,
  plain: Server,
  { webSockets, strip, onWebSocket, isIdle, refusals }: UpgradeDependencies,
): void {
  // It never listens, but Node enforces the request timeouts from this event on.
  plain.emit('listening')

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const connection = request.socket
    const error = isIdle(connection) ? checkForm(request) : malformed('an upgrade must not be pipelined')
    if (error) return endWithError(socket, refusals.report('http', error, { request }))
    strip?.(request)
    if (webSockets !== undefined && isWebSocketAt(webSockets.path, request)) {
      onWebSocket(connection)
      return webSockets.accept(request, socket, head)
    }
    socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
    plain.emit('connection', socket)
  })
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    endWithError(socket, refusals.report('http', malformed('this is no proxy'), { request }))
  })
}

const malformed = (detail: string) => new GatewayError('REQUEST_MALFORMED', detail)

/** In HTTP/1.0, `Upgrade` must be ignored (RFC 9110, section 7.8). */
const isWebSocketAt = (path: string, { headers, httpVersion, method, url = '' }: IncomingMessage): boolean =>
  method === 'GET' &&
  httpVersion === '1.1' &&
  headers.upgrade?.toLowerCase() === 'websocket' &&
  url.startsWith(path)

/** Writes the request line and the headers again, without those that ask for the upgrade. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
