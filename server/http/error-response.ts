import { STATUS_CODES } from 'node:http'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ERRORS } from '../../shared/errors.ts'
import type { GatewayError } from '../../shared/errors.ts'
import type { ErrorResponse } from '../../shared/http-api.ts'

const DEFAULT_RETRY_MS = 1_000
/** Leaves a peer time to read an error, and to send what it was sending: unread bytes would reset the connection. */
const LINGER_MS = 1_000
/** While more than these linger, further connections are destroyed at once. */
const MAX_LINGERING = 200

type Responded = Pick<GatewayError, 'code' | 'message' | 'retry'> & {
  readonly retryInMs?: number | undefined
}

/** Responds with an error of the catalogue. The headers of the response must not have been sent. */
export function respondWithError(response: ServerResponse, error: Responded): void {
  const { status, headers, text } = format(error)
  response.writeHead(status, headers)
  response.end(text)
}

let lingering = 0

/** Responds with an error to a connection that has no response object, and ends it. */
export function endWithError(socket: Duplex, error: Responded, extra: OutgoingHttpHeaders = {}): void {
  socket.on('error', () => undefined)
  if (!socket.writable || lingering >= MAX_LINGERING) return void socket.destroy()
  const { status, headers, text } = format(error)
  const lines = Object.entries({ ...headers, ...extra }).map(
    ([name, value]) => `${name}: ${String(value)}\r\n`,
  )
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}Connection: close\r\n\r\n${text}`,
  )
  socket.resume()
  lingering++
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
  socket.once('close', () => {
    lingering--
    clearTimeout(timer)
  })
}

function format({ code, message, retry, retryInMs = DEFAULT_RETRY_MS }: Responded) {
  const { status } = ERRORS[code]
  const text = JSON.stringify({ code, message, retry } satisfies ErrorResponse)
  const headers: OutgoingHttpHeaders = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(retry && { 'Retry-After': Math.ceil(retryInMs / 1_000) }),
  }
  return { status, headers, text }
}
