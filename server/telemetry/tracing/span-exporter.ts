import { fullJitterMs } from '../../../shared/backoff.ts'
import { reasonOf } from '../../../shared/errors.ts'
import { isRecord, parseRecord } from '../../../shared/json.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics-port.ts'
import { encodeSpans } from './span.ts'
import type { Resource, Span } from './span.ts'

/** Spans that wait: a few megabytes. Further ones are dropped. These are the defaults of OpenTelemetry's own processor. */
const MAX_WAITING = 2_048
const MAX_PER_REQUEST = 512
const INTERVAL_MS = 5_000
/** Attempts at one request. */
const MAX_ATTEMPTS = 5
const RETRIES = { baseMs: 1_000, maxMs: 30_000 }
/** Longer, a `Retry-After` is not believed. */
const MAX_RETRY_AFTER_S = 60
/** After other statuses, no other attempt may be made. Source: OpenTelemetry Protocol, "Retryable Response Codes". */
const RETRIED_STATUSES: readonly number[] = [429, 502, 503, 504]
/** What waits when the process stops gets so long. */
const STOP_MS = 1_000
/** Beyond it, the clock of the machine was set. */
const MAX_DRIFT_MS = 5

interface PostResponse {
  readonly status: number
  readonly retryAfter: string | null
  readonly text: string
}

interface ExporterDependencies {
  readonly resource: () => Resource
  /** Posts a body to the collector. Rejects if there is no answer in time. */
  readonly post: (body: string) => Promise<PostResponse>
  readonly metrics: Pick<Metrics, 'spansEnded'>
  readonly log: Logger
  /** Replaced by tests. */
  readonly intervalMs?: number
}

interface SpanExporter {
  /** Never waits and never throws. */
  add(span: Span): void
  /** Sends what waits, if that succeeds soon. */
  stop(): Promise<void>
}

/** Sends spans to a collector, some seconds later and many at once. Whatever happens to them, nothing else waits for it. */
export function createSpanExporter({
  resource,
  post,
  metrics,
  log,
  intervalMs = INTERVAL_MS,
}: ExporterDependencies): SpanExporter {
  let waiting: Span[] = []
  let sending: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isFailing = false
  const stopped = new AbortController()
  const unixMs = createUnixClock()

  function add(span: Span): void {
    if (waiting.length >= MAX_WAITING || stopped.signal.aborted) return metrics.spansEnded('dropped', 1)
    waiting.push(span)
    if (waiting.length >= MAX_PER_REQUEST) flush()
    else timer ??= setTimeout(flush, intervalMs).unref()
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    sending ??= sendAll().finally(() => {
      sending = undefined
      if (waiting.length > 0 && !stopped.signal.aborted) timer ??= setTimeout(flush, intervalMs).unref()
    })
  }

  async function sendAll(): Promise<void> {
    while (waiting.length > 0 && !stopped.signal.aborted) {
      const spans = waiting.slice(0, MAX_PER_REQUEST)
      waiting = waiting.slice(spans.length)
      const rejected = await send(encodeSpans(spans, resource(), unixMs), spans.length)
      metrics.spansEnded('exported', spans.length - rejected)
      metrics.spansEnded('dropped', rejected)
    }
  }

  /** Resolves to how many spans were not taken. Never rejects. */
  async function send(body: string, count: number): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const response = await post(body).catch((error: unknown) => reasonOf(error))
      const failure = failureOf(response)
      if (failure === undefined && typeof response !== 'string') {
        if (isFailing) log.info('the collector takes spans again')
        isFailing = false
        return rejectedOf(response.text, count)
      }
      if (!isFailing) log.warn({ reason: failure }, 'the collector does not take spans')
      isFailing = true
      const mayRetry = typeof response === 'string' || RETRIED_STATUSES.includes(response.status)
      if (!mayRetry || attempt === MAX_ATTEMPTS || stopped.signal.aborted) return count
      const asked = typeof response === 'string' ? undefined : retryAfterMs(response.retryAfter)
      await pause(asked ?? fullJitterMs(attempt, RETRIES), stopped.signal)
      if (stopped.signal.aborted) return count
    }
  }

  return {
    add,
    async stop() {
      flush()
      const end = setTimeout(() => stopped.abort(), STOP_MS)
      await Promise.race([sending, aborted(stopped.signal)])
      clearTimeout(end)
      clearTimeout(timer)
      stopped.abort()
      metrics.spansEnded('dropped', waiting.length)
      waiting = []
    },
  }
}

const failureOf = (response: PostResponse | string): string | undefined => {
  if (typeof response === 'string') return response
  return response.status >= 200 && response.status < 300
    ? undefined
    : `it answered with status ${response.status}`
}

/** A collector that took a part says how many it did not. 64-bit numbers are texts in JSON. */
function rejectedOf(text: string, count: number): number {
  const partial = parseRecord(text)?.['partialSuccess']
  const rejected = isRecord(partial) ? Number(partial['rejectedSpans'] ?? 0) : 0
  return Number.isSafeInteger(rejected) ? Math.min(Math.max(rejected, 0), count) : 0
}

const retryAfterMs = (seconds: string | null): number | undefined =>
  seconds !== null && /^\d{1,6}$/.test(seconds)
    ? Math.min(Number(seconds), MAX_RETRY_AFTER_S) * 1_000
    : undefined

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms).unref()
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

/** Turns `performance.now()` into ms since 1970, exact to the microsecond between steps, also after the clock was set. */
function createUnixClock(): (performanceMs: number) => number {
  let originMs = performance.timeOrigin
  return (performanceMs) => {
    const driftMs = Date.now() - (originMs + performance.now())
    if (Math.abs(driftMs) > MAX_DRIFT_MS) originMs += driftMs
    return originMs + performanceMs
  }
}
