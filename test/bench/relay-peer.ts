import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { readBytes } from '../support/read-bytes.ts'

// The programs that the relay is measured beside: a backend that answers at once, and a bare forwarder to it.

const ANSWER = '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}'

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await readBytes(request)
  response.setHeader('Content-Type', 'application/json').end(ANSWER)
}

function createForward(port: string) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 256 })
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const sent = await readBytes(request)
    const { statusCode, headers, body } = await pool.request({
      path: request.url ?? '/',
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: sent,
    })
    const bytes = Buffer.from(await body.arrayBuffer())
    response.writeHead(statusCode, {
      'Content-Type': headers['content-type'] ?? '',
      'Content-Length': bytes.length,
    })
    response.end(bytes)
  }
}

const [, , backendPort] = process.argv
const handle = backendPort === undefined ? answer : createForward(backendPort)
const server = createServer((request, response) => {
  handle(request, response).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
