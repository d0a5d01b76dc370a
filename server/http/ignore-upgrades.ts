import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerOptions } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Serves a request that asks for another protocol as if it did not ask, unless it asks for a WebSocket at `webSocketPath`:
 * HTTP allows that, and some clients ask for HTTP/2 with every request. Without this, Node would leave such a request to
 * whoever takes upgrades, which is Socket.IO or nobody: a webhook would be lost, and a connection stay for ever.
 */
export function ignoreOtherUpgrades(
  server: Server,
  webSocketPath: string | undefined,
  options: ServerOptions,
  listener: RequestListener,
): void {
  // A server that nobody asks for upgrades, which therefore reads these requests to their end.
  const plain = createServer(options, listener)
  // It never listens, and it is then that Node begins to hold requests to the time that they may take.
  plain.emit('listening')
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (webSocketPath !== undefined && isWebSocketAt(webSocketPath, request)) return
    socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
    plain.emit('connection', socket)
  })
}

const isWebSocketAt = (path: string, { headers, method, url = '' }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && url.startsWith(path)

/** The first lines of the request once more, without what asks for the upgrade. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
