import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { ERRORS, GatewayError } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { LoopWatch } from '../lib/loop-watch.ts'
import { normalizePath } from '../lib/path.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { RETRYABLE_FAILURE_MS } from '../../shared/limits.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { formatTraceparent } from '../telemetry/tracing/trace-context.ts'
import { NO_TRACING } from '../telemetry/tracing/tracing.ts'
import type { ReceivedTrace } from '../telemetry/tracing/tracing.ts'
import { dropBody, readBody } from './body.ts'
import { createCallerCheck, parseQuery } from './caller.ts'
import type { CallerOptions } from './caller.ts'
import { labelOf } from './commands/known-commands.ts'
import { RECALL_COMMANDS } from './commands/recall-commands.ts'
import { isGivenUp, isOwnCall, isReplay, isTest } from './provider-call.ts'
import { createRetryWebhook } from './quarantine/retry-webhook.ts'
import type { RetryWebhook } from './quarantine/retry-webhook.ts'
import { leadsAway, suffixBehind } from './relay/path-suffix.ts'
import { forwardedHeaders, isRelayed } from './relay/relay-headers.ts'
import type { IsFromProxy } from './relay/relay-headers.ts'
import type { Answered } from './relay/relay.ts'
import type { RequestTimes } from './request-times.ts'
import { OK, refusal } from './responses.ts'
import type { WebhookResponse } from './responses.ts'
import type { WebhookCall } from './webhook-call.ts'
import { createWebhook } from './webhook.ts'
import type { WebhookDependencies } from './webhook.ts'

/** Only webhooks have this parameter: one on another path means that the URL in the Chat console is wrong. */
const COMMAND_PARAMETER = /(^|&)CallbackCommand=/i
/** In the metrics, of a call of which it is not proved who makes it: anyone can name any command. */
const UNPROVED = 'unproved'
/** How most calls are refused that are not of the provider, or meet a wrong setting. */
const REFUSED_UNPROVED = [
  'ADDRESS_REFUSED',
  'APP_NOT_OURS',
  'WEBHOOK_FORGED',
  'WEBHOOK_STALE',
  'NOT_FOUND',
] as const
const OUTCOMES_OF_RECALLS = ['OK', 'NOT_KEPT', 'WEBHOOK_MALFORMED'] as const

interface ReceiverOptions extends CallerOptions {
  /** The path configured as the webhook URL in the Chat console, without a slash at its end. */
  readonly path: string
  readonly mayCall: (request: IncomingMessage) => boolean
  /** Default: nobody is. */
  readonly isFromProxy?: IsFromProxy
}

/** Path and query of a request, as they are handled. */
interface Target {
  readonly query: string
  /** What follows the path of webhooks. */
  readonly suffix: string
}

interface ReceiverDependencies extends WebhookDependencies {
  readonly metrics: WebhookDependencies['metrics'] & Pick<Metrics, 'webhookAnswered' | 'webhookExpected'>
  /** Gets RequestTime of what the provider sends. */
  readonly requestTimes?: Pick<RequestTimes, 'note'>
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
  { path, mayCall, isFromProxy = () => false, ...options }: ReceiverOptions,
  { metrics, requestTimes, refusals, tracing = NO_TRACING, ...dependencies }: ReceiverDependencies,
): Receiver {
  const checkCaller = createCallerCheck(options)
  const handleWebhook = createWebhook({ ...dependencies, tracing, metrics })
  const loop = new LoopWatch()
  for (const code of REFUSED_UNPROVED) metrics.webhookExpected(code, UNPROVED)
  for (const { name } of RECALL_COMMANDS)
    for (const outcome of OUTCOMES_OF_RECALLS) metrics.webhookExpected(outcome, name)
  const relays = dependencies.relay !== undefined

  async function serve(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    const [receivedAtMs, startedMs] = [Date.now(), performance.now()]
    const waitedMs = loop.waitedForMs(startedMs)
    let command = UNPROVED
    const trace = tracing.receive(request.headers, () => isFromProxy(request))
    try {
      if (!mayCall(request)) throw new GatewayError('ADDRESS_REFUSED')
      if (request.method !== 'POST' && !relays) throw new GatewayError('METHOD_NOT_ALLOWED')
      const query = checkCaller(target.query, receivedAtMs, loop.stalledForMs())
      command = labelOf(query.get('CallbackCommand') ?? '')
      if (!isOwnCall(request)) requestTimes?.note(query.get('RequestTime'), receivedAtMs)
      if (isRelayed(request, options.app)) throw new GatewayError('RELAY_LOOP')
      if (leadsAway(target.suffix))
        throw new GatewayError('REQUEST_MALFORMED', 'the path leads away from WEBHOOK_PATH')
      // The provider has waited since the call arrived, not since it was read. A refusal that has to be late counts from the latter.
      const arrivedMs = startedMs - waitedMs
      const call = { query, receivedAtMs, startedMs: arrivedMs, trace: trace?.context }
      const result = await handleBody(request, target, call)
      metrics.webhookAnswered('OK', command, isOwnCall(request))
      if (trace) traceReceived(trace, { command, startedMs: arrivedMs })
      if (isReplay(request)) dependencies.log.info({ command }, 'webhook replayed')
      send(response, 200, result)
    } catch (cause) {
      if (cause instanceof GatewayError && cause.code === 'WEBHOOK_STALE' && !isOwnCall(request))
        requestTimes?.note(parseQuery(target.query).get('RequestTime'), receivedAtMs)
      await refuse(request, response, cause, { command, startedMs, trace })
    }
  }

  function traceReceived(
    trace: ReceivedTrace,
    {
      command,
      startedMs,
      refused,
    }: { readonly command: string; readonly startedMs: number; readonly refused?: ErrorCode },
  ): void {
    tracing.received(trace, {
      // Never the path, which may contain a secret.
      name: `webhook ${command}`,
      kind: 'server',
      startedMs,
      endedMs: performance.now(),
      attributes: {
        'http.response.status_code': refused === undefined ? 200 : ERRORS[refused].status,
        'recall_gateway.command': command,
      },
      failure: refused,
    })
  }

  /** Apart, so that a refusal that is sent late does not hold the body in memory meanwhile. */
  const handleBody = (
    request: IncomingMessage,
    target: Target,
    {
      query,
      receivedAtMs,
      startedMs,
      trace,
    }: Pick<WebhookCall, 'query' | 'receivedAtMs' | 'startedMs' | 'trace'>,
  ): Promise<Answered | WebhookResponse> =>
    readBody(request).then((body) =>
      handleWebhook({
        query,
        receivedAtMs,
        startedMs,
        body,
        trace,
        contentType: request.headers['content-type'],
        isReplay: isReplay(request),
        isTest: isTest(request),
        isGivenUp: isGivenUp(request),
        relayed: relays ? relayedPart(request, target, trace) : undefined,
      }),
    )

  /** Test recalls, and those of the command line, would look real to the backend. */
  function relayedPart(
    request: IncomingMessage,
    { query, suffix }: Target,
    trace: WebhookCall['trace'],
  ): WebhookCall['relayed'] {
    if (isOwnCall(request) && !isReplay(request)) return undefined
    const forwarded = forwardedHeaders(request, isFromProxy)
    const part = { method: request.method ?? 'POST', pathSuffix: suffix, query, forwarded }
    // Without spans of its own, the gateway is no step of the trace, and passes on what came.
    if (trace === undefined || !tracing.recordsSpans) return part
    return { ...part, forwarded: { ...forwarded, Traceparent: formatTraceparent(trace) }, isTraced: true }
  }

  async function refuse(
    request: IncomingMessage,
    response: ServerResponse,
    cause: unknown,
    {
      command = UNPROVED,
      startedMs = performance.now(),
      trace,
    }: {
      readonly command?: string
      readonly startedMs?: number
      readonly trace?: ReceivedTrace | undefined
    } = {},
  ): Promise<void> {
    const error = refusals.report('webhook', cause, {
      request,
      ...(isReplay(request) && { replay: true }),
      ...(trace && { trace_id: trace.context.traceId }),
    })
    const { status, retry } = ERRORS[error.code]
    metrics.webhookAnswered(error.code, command, isOwnCall(request))
    // Whoever knows no token must not fill the collector.
    if (trace && command !== UNPROVED) traceReceived(trace, { command, startedMs, refused: error.code })
    if (retry) await delay(Math.max(0, startedMs + RETRYABLE_FAILURE_MS - performance.now()))
    send(response, status, refusal(error), {
      ...(!(await dropBody(request)) && { Connection: 'close' }),
      ...(error.code === 'METHOD_NOT_ALLOWED' && { Allow: 'POST' }),
    })
  }

  /** The backend gets what follows the path. Without one, nothing may. */
  function suffixOf(pathname: string): string | undefined {
    if (relays) return suffixBehind(path, pathname)
    return pathname === path || normalizePath(pathname) === path ? '' : undefined
  }

  return {
    handle(request, response) {
      const { pathname, query } = splitTarget(request.url ?? '')
      const suffix = suffixOf(pathname)
      const looksLikeWebhook = isLikeWebhook(request.method, query)
      // The console is served at the root, to browsers.
      const isOurs = path !== '/' || (suffix === '' ? request.method === 'POST' : looksLikeWebhook)
      if (suffix !== undefined && isOurs) {
        void serve(request, response, { query, suffix })
        return true
      }
      if (!looksLikeWebhook) return false
      void refuse(request, response, new GatewayError('NOT_FOUND', describeMismatch(pathname, path)))
      return true
    },

    retryWebhook: createRetryWebhook(handleWebhook),
    stop() {
      loop.stop()
    },
  }
}

/** Whether a request is a webhook, on whatever path. */
export const isLikeWebhook = (method: string | undefined, query: string): boolean =>
  method === 'POST' && COMMAND_PARAMETER.test(query)

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
  body: WebhookResponse | Answered,
  headers: OutgoingHttpHeaders = {},
): void {
  if (isAnswered(body)) return pass(response, body)
  if (body === OK) {
    response.writeHead(status, HEADERS_OF_OK)
    response.end(TEXT_OF_OK)
    return
  }
  const text = JSON.stringify(body)
  response.writeHead(status, { ...headersOf(text), ...headers })
  response.end(text)
}

const headersOf = (text: string): OutgoingHttpHeaders => ({
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': Buffer.byteLength(text),
})

/** What nearly all webhooks are answered, encoded once. */
const TEXT_OF_OK = JSON.stringify(OK)
const HEADERS_OF_OK = headersOf(TEXT_OF_OK)

const isAnswered = (body: WebhookResponse | Answered): body is Answered => Buffer.isBuffer(body['body'])

/** Statuses whose responses have no body. */
const BODILESS: readonly number[] = [204, 205, 304]

/** Passes the response of the backend on. */
function pass(response: ServerResponse, { status, contentType, contentEncoding, body }: Answered): void {
  response.writeHead(status, {
    ...(contentType !== undefined && { 'Content-Type': contentType }),
    ...(contentEncoding !== undefined && { 'Content-Encoding': contentEncoding }),
    ...(!BODILESS.includes(status) && { 'Content-Length': body.length }),
  })
  response.end(body)
}
