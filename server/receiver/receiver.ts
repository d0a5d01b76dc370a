import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { ERRORS, GatewayError } from '../../shared/errors.ts'
import { normalizePath } from '../lib/path.ts'
import { StallDetector } from '../lib/stall.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { RETRYABLE_FAILURE_MS } from '../../shared/limits.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { dropBody, readBody } from './body.ts'
import { createCallerCheck } from './caller.ts'
import type { CallerOptions } from './caller.ts'
import { isOwnCall, isReplay } from './provider-call.ts'
import { createRetryWebhook } from './quarantine/retry-webhook.ts'
import type { RetryWebhook } from './quarantine/retry-webhook.ts'
import { refusal } from './responses.ts'
import type { WebhookResponse } from './responses.ts'
import { createWebhook } from './webhook.ts'
import type { WebhookDependencies } from './webhook.ts'

/** Only webhooks have this parameter: one on another path means that the URL in the Chat console is wrong. */
const LOOKS_LIKE_WEBHOOK = /(^|&)CallbackCommand=/i

interface ReceiverOptions extends CallerOptions {
  /** The path configured as the webhook URL in the Chat console, without a slash at its end. */
  readonly path: string
  readonly mayCall: (request: IncomingMessage) => boolean
}

interface ReceiverDependencies extends WebhookDependencies {
  readonly metrics: Pick<Metrics, 'webhookAnswered' | 'recallStored'>
  readonly refusals: Refusals
}

interface Receiver {
  /** Serves a request if it is a webhook, and returns whether it is. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  /** Handles a webhook from the quarantine; see `createRetryWebhook`. */
  readonly retryWebhook: RetryWebhook
  stop(): void
}

/**
 * Serves webhooks over HTTP. Runs before Express, not in it: routing a request there costs as much as everything else done
 * for a recall.
 */
export function createReceiver(
  { path, mayCall, ...options }: ReceiverOptions,
  { metrics, refusals, ...dependencies }: ReceiverDependencies,
): Receiver {
  const checkCaller = createCallerCheck(options)
  const handleWebhook = createWebhook({ ...dependencies, metrics })
  const stalls = new StallDetector()

  async function serve(request: IncomingMessage, response: ServerResponse, text: string): Promise<void> {
    const [receivedAtMs, startedMs] = [Date.now(), performance.now()]
    try {
      if (!mayCall(request)) throw new GatewayError('ADDRESS_REFUSED')
      if (request.method !== 'POST') throw new GatewayError('METHOD_NOT_ALLOWED')
      const query = checkCaller(text, receivedAtMs, stalls.waitedForMs())
      const body = await readBody(request)
      const contentType = request.headers['content-type']
      const result = await handleWebhook({
        query,
        body,
        contentType,
        receivedAtMs,
        startedMs,
        isReplay: isReplay(request),
      })
      metrics.webhookAnswered('OK', isOwnCall(request))
      send(response, 200, result)
    } catch (cause) {
      await refuse(request, response, cause, startedMs)
    }
  }

  async function refuse(
    request: IncomingMessage,
    response: ServerResponse,
    cause: unknown,
    startedMs = performance.now(),
  ): Promise<void> {
    const error = refusals.report('webhook', cause, { request })
    const { status, retry } = ERRORS[error.code]
    metrics.webhookAnswered(error.code, isOwnCall(request))
    if (retry) await delay(Math.max(0, startedMs + RETRYABLE_FAILURE_MS - performance.now()))
    send(response, status, refusal(error), {
      ...(!(await dropBody(request)) && { Connection: 'close' }),
      ...(error.code === 'METHOD_NOT_ALLOWED' && { Allow: 'POST' }),
    })
  }

  return {
    handle(request, response) {
      const { pathname, query } = splitTarget(request.url ?? '')
      const isOurs = pathname === path || normalizePath(pathname) === path
      // The console is served at the root, to browsers.
      if (isOurs && (path !== '/' || request.method === 'POST')) {
        void serve(request, response, query)
        return true
      }
      if (request.method !== 'POST' || !LOOKS_LIKE_WEBHOOK.test(query)) return false
      void refuse(request, response, new GatewayError('NOT_FOUND', describeMismatch(pathname, path)))
      return true
    },

    retryWebhook: createRetryWebhook(handleWebhook),
    stop: () => stalls.stop(),
  }
}

/** Does not name the path, which may contain a secret. */
const describeMismatch = (pathname: string, path: string): string =>
  normalizePath(pathname).toLowerCase() === path.toLowerCase()
    ? 'webhooks are received at WEBHOOK_PATH, which has other capital letters'
    : 'webhooks are received at WEBHOOK_PATH'

/** Splits a request target into path and query. A target meant for a proxy also names a host, which is dropped. */
function splitTarget(target: string): { readonly pathname: string; readonly query: string } {
  const mark = target.indexOf('?')
  const url = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark + 1)
  return { pathname: url.replace(/^https?:\/\/[^/]*/i, '') || '/', query }
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
