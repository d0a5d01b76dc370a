import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { asGatewayError, ERRORS, GatewayError } from '../../shared/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { refusal } from './responses.ts'
import type { WebhookResponse } from './responses.ts'
import { createWebhook } from './webhook.ts'
import type { WebhookOptions } from './webhook.ts'

/** A recall of 1,000 messages with their ids takes about 75 KiB; four times that is left for what may be added. */
const MAX_BODY_BYTES = 256 * 1024

/** Past the provider's 2 s: only a timeout makes it try again, an error answer is final. */
const FAIL_AFTER_MS = 2_100

/** After these the rest of the body is not read, and what follows it on the connection cannot be told from it. */
const CLOSES_CONNECTION = new Set(['BODY_TOO_LARGE', 'BODY_UNREADABLE', 'ADDRESS_REFUSED'])

interface ReceiverOptions extends WebhookOptions {
  /** Path that the provider is told to call. */
  readonly path: string
  readonly mayCall: (request: IncomingMessage) => boolean
}

/** Serves a request if it is for the webhook's path, and answers whether it is. */
export type Receiver = (request: IncomingMessage, response: ServerResponse) => boolean

/**
 * The door for webhooks: HTTP on this side, `createWebhook` behind it. It stands before Express and not in it, because
 * routing a request there costs as much as all that is done with a recall.
 */
export function createReceiver(
  { path, mayCall, ...options }: ReceiverOptions,
  dependencies: Parameters<typeof createWebhook>[1],
): Receiver {
  const takeWebhook = createWebhook(options, dependencies)

  async function serve(request: IncomingMessage, response: ServerResponse, query: string): Promise<void> {
    const receivedAtMs = Date.now()
    try {
      if (!mayCall(request)) throw new GatewayError('ADDRESS_REFUSED')
      if (request.method !== 'POST') throw new GatewayError('METHOD_NOT_ALLOWED')
      const body = await readBody(request, MAX_BODY_BYTES)
      const answer = await takeWebhook({ query, body, receivedAtMs })
      dependencies.metrics.webhookAnswered('OK')
      send(response, 200, answer)
    } catch (error) {
      const known = asGatewayError(error)
      if (ERRORS[known.code].retry) await delay(receivedAtMs + FAIL_AFTER_MS - Date.now())
      refuse(response, known)
    }
  }

  function refuse(response: ServerResponse, error: GatewayError): void {
    tell(dependencies.log, error)
    dependencies.metrics.webhookAnswered(error.code)
    send(response, ERRORS[error.code].status, refusal(error), {
      ...(CLOSES_CONNECTION.has(error.code) && { Connection: 'close' }),
      ...(error.code === 'METHOD_NOT_ALLOWED' && { Allow: 'POST' }),
    })
  }

  return (request, response) => {
    const { pathname, query } = splitUrl(request.url ?? '')
    if (pathname !== path) return false
    void serve(request, response, query)
    return true
  }
}

/** The parts of a request's target, which names a host too when it was meant for a proxy. */
function splitUrl(url: string): { readonly pathname: string; readonly query: string } {
  const mark = url.indexOf('?')
  const target = mark === -1 ? url : url.slice(0, mark)
  const query = mark === -1 ? '' : url.slice(mark + 1)
  return { pathname: target.replace(/^https?:\/\/[^/]*/i, ''), query }
}

function send(
  response: ServerResponse,
  status: number,
  answer: WebhookResponse,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = JSON.stringify(answer)
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

function tell(log: Logger, error: GatewayError): void {
  if (error.code === 'NOT_KEPT' || error.code === 'INTERNAL')
    log.error({ code: error.code, err: error.cause }, 'webhook failed')
  else log.warn({ code: error.code, detail: error.message }, 'webhook refused')
}

/**
 * The body of a request, as it arrives. Rejects with BODY_TOO_LARGE as soon as it says, or turns out, to be larger, and
 * with BODY_UNREADABLE when it does not arrive whole or is encoded: bodies of webhooks never are.
 */
function readBody(request: IncomingMessage, atMostBytes: number): Promise<Buffer> {
  const { 'content-length': announced = '0', 'content-encoding': encoding = 'identity' } = request.headers
  return new Promise((resolve, reject) => {
    if (Number(announced) > atMostBytes) return reject(new GatewayError('BODY_TOO_LARGE'))
    if (encoding.toLowerCase() !== 'identity') return reject(new GatewayError('BODY_UNREADABLE'))
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= atMostBytes) chunks.push(chunk)
      else reject(new GatewayError('BODY_TOO_LARGE'))
    })
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    request.on('error', (cause) => reject(new GatewayError('BODY_UNREADABLE', undefined, { cause })))
  })
}
