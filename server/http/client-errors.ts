import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { GatewayError } from '../../shared/errors.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { endWithError } from './error-response.ts'

/** A failure of a connection, and not of what the peer sent. */
const CONNECTION_LOST = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT', 'HPE_INVALID_EOF_STATE'])

interface ClientError extends Error {
  readonly code?: string
  /** What the parser found wrong. */
  readonly reason?: string
  /** What it was given. */
  readonly rawPacket?: Buffer
}

/**
 * Answers what Node's parser refuses, as every other refusal: requests that are malformed, too large or too slow. Node would
 * answer without a reason, and tell nobody.
 */
export function reportClientErrors(
  server: Server,
  currentOf: (connection: Duplex) => ServerResponse | undefined,
  refusals: Refusals,
): void {
  server.on('clientError', (cause: ClientError, socket: Duplex & { readonly bytesRead?: number }) => {
    // A client may open a connection before it needs it, and never need it.
    const wasUnused = cause.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0
    if (!socket.writable || wasUnused || CONNECTION_LOST.has(cause.code ?? '')) return void socket.destroy()
    const current = currentOf(socket)
    // What follows a request that closes the connection is not wanted by anybody.
    if (current !== undefined && cause.code === 'HPE_CLOSED_CONNECTION') return
    const error = refusals.report('http', errorOf(cause))
    // It is a later request that is refused: the response to this one must still arrive.
    if (current?.req.complete) current.on('close', () => endWithError(socket, error))
    // In the middle of a response, an error would be taken for the rest of it.
    else if (current?.headersSent) socket.destroy()
    else endWithError(socket, error)
  })
  server.on('tlsClientError', (cause: ClientError) => {
    if (!CONNECTION_LOST.has(cause.code ?? ''))
      refusals.report('connection', new GatewayError('TLS_FAILED', undefined, { cause }))
  })
}

/** The first byte of a TLS handshake, which no request begins with. */
const TLS_HANDSHAKE = 0x16

function errorOf({ code, reason, message, rawPacket }: ClientError): GatewayError {
  if (code === 'HPE_INVALID_METHOD' && rawPacket?.[0] === TLS_HANDSHAKE)
    return new GatewayError(
      'REQUEST_MALFORMED',
      'it is TLS, and this port speaks plain HTTP: use http://, or set TLS_CERT',
    )
  if (code === 'HPE_HEADER_OVERFLOW') return new GatewayError('HEADERS_TOO_LARGE')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new GatewayError('REQUEST_TIMEOUT')
  return new GatewayError('REQUEST_MALFORMED', reason ?? message)
}
