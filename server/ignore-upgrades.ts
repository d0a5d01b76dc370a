import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerOptions } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Serves a request that asks for another protocol than WebSocket as if it did not ask: HTTP allows that, and some clients
 * ask for HTTP/2 with every request. Without this, Node would hand such a request to whoever takes upgrades, which is
 * Socket.IO, and a webhook would be lost.
 */
export function ignoreOtherUpgrades(server: Server, options: ServerOptions, listener: RequestListener): void {
  // A server that nobody asks for upgrades, which therefore reads these requests to their end.
  const plain = createServer(options, listener)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket' && request.method === 'GET') return
    socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
    plain.emit('connection', socket)
  })
}

/** The first lines of the request once more, without what asks for the upgrade. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
