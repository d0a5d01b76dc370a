import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { ERRORS, GatewayError } from '../../shared/errors.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { refusal } from './responses.ts'
import type { WebhookResponse } from './responses.ts'
import { createWebhook } from './webhook.ts'
import type { WebhookDependencies, WebhookOptions } from './webhook.ts'

/** A recall of 1,000 messages with their ids takes about 75 KiB; four times that leaves room for new fields. */
const MAX_BODY_BYTES = 256 * 1024

/** Past Tencent's timeout of 2 s: it retries only on timeout, and treats an error response as final. */
const RETRYABLE_FAILURE_MS = 2_100

/** After these, the rest of the body is not read, and could be mistaken for the next request on the connection. */
const CLOSES_CONNECTION = new Set(['BODY_TOO_LARGE', 'BODY_UNREADABLE', 'ADDRESS_REFUSED'])

interface ReceiverOptions extends WebhookOptions {
  /** The path configured as the webhook URL in the Chat console. */
  readonly path: string
  readonly mayCall: (request: IncomingMessage) => boolean
}

interface ReceiverDependencies extends WebhookDependencies {
  readonly refusals: Refusals
}

/** Serves a request if it is for the webhook path, and returns whether it is. */
export type Receiver = (request: IncomingMessage, response: ServerResponse) => boolean

/**
 * Serves webhooks over HTTP. Runs before Express, not in it: routing a request there costs as much as everything else done
 * for a recall.
 */
export function createReceiver(
  { path, mayCall, ...options }: ReceiverOptions,
  dependencies: ReceiverDependencies,
): Receiver {
  const { metrics, refusals } = dependencies
  const handleWebhook = createWebhook(options, dependencies)

  async function serve(request: IncomingMessage, response: ServerResponse, query: string): Promise<void> {
    const receivedAtMs = Date.now()
    try {
      if (!mayCall(request)) throw new GatewayError('ADDRESS_REFUSED')
      if (request.method !== 'POST') throw new GatewayError('METHOD_NOT_ALLOWED')
      const body = await readBody(request, MAX_BODY_BYTES)
      const result = await handleWebhook({ query, body, receivedAtMs })
      metrics.webhookAnswered('OK')
      send(response, 200, result)
    } catch (cause) {
      const error = refusals.report('webhook', cause)
      if (ERRORS[error.code].retry) await delay(receivedAtMs + RETRYABLE_FAILURE_MS - Date.now())
      refuse(response, error)
    }
  }

  function refuse(response: ServerResponse, error: GatewayError): void {
    metrics.webhookAnswered(error.code)
    send(response, ERRORS[error.code].status, refusal(error), {
      ...(CLOSES_CONNECTION.has(error.code) && { Connection: 'close' }),
      ...(error.code === 'METHOD_NOT_ALLOWED' && { Allow: 'POST' }),
    })
  }

  return (request, response) => {
    const { pathname, query } = splitTarget(request.url ?? '')
    if (pathname !== path) return false
    void serve(request, response, query)
    return true
  }
}

/** Splits a request target into path and query. A target meant for a proxy also names a host, which is dropped. */
function splitTarget(target: string): { readonly pathname: string; readonly query: string } {
  const mark = target.indexOf('?')
  const url = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark + 1)
  return { pathname: url.replace(/^https?:\/\/[^/]*/i, ''), query }
}

/**
 * Reads the raw body of a request. Rejects with BODY_TOO_LARGE as soon as the body is too large, or its declared length is,
 * and with BODY_UNREADABLE if it is incomplete or has a content encoding, which webhooks never have.
 */
function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { 'content-length': declaredBytes = '0', 'content-encoding': encoding = 'identity' } = request.headers
  return new Promise((resolve, reject) => {
    if (Number(declaredBytes) > maxBytes) return reject(new GatewayError('BODY_TOO_LARGE'))
    if (encoding.toLowerCase() !== 'identity') return reject(new GatewayError('BODY_UNREADABLE'))
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
      else reject(new GatewayError('BODY_TOO_LARGE'))
    })
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    request.on('error', (cause) => reject(new GatewayError('BODY_UNREADABLE', undefined, { cause })))
  })
}

function send(
  response: ServerResponse,
  status: number,
  body: WebhookResponse,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}
