import type { ServerResponse } from 'node:http'
import { ERRORS } from '../../shared/errors.ts'
import type { GatewayError } from '../../shared/errors.ts'
import type { ErrorResponse } from '../../shared/http-api.ts'

const DEFAULT_RETRY_MS = 1_000

type Responded = Pick<GatewayError, 'code' | 'message' | 'retry'> & {
  readonly retryInMs?: number | undefined
}

/** Responds with an error of the catalogue. The headers of the response must not have been sent. */
export function respondWithError(
  response: ServerResponse,
  { code, message, retry, retryInMs = DEFAULT_RETRY_MS }: Responded,
): void {
  const { status } = ERRORS[code]
  const text = JSON.stringify({ code, message, retry } satisfies ErrorResponse)
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...(retry && { 'Retry-After': Math.ceil(retryInMs / 1_000) }),
  })
  response.end(text)
}
