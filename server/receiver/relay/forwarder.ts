import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import { reasonOf } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { createConnector } from './backend-tls.ts'
import type { TlsFiles } from './backend-tls.ts'
import { readAnswer, ReadingBytes } from './exchange.ts'
import { freshlySigned } from './fresh-signature.ts'
import { targetOf } from './path-suffix.ts'
import { ATTEMPT_HEADER, RELAYED_HEADER } from './relay-headers.ts'
import type { Attempt, Forwarder, RelayedRequest } from './relayed-request.ts'

/** More connections than any backend needs that answers in time. */
const MAX_CONNECTIONS = 256
/** Backends close idle connections after 5 s and more, and announce it if it is less. */
const KEEP_ALIVE_MS = 4_000
/** Older, a connection ends after its request: the backend's name may have another address by now, or its TLS files may be renewed. */
const MAX_CONNECTION_AGE_MS = 60_000
/** Longer, a `Retry-After` is not believed. */
const MAX_RETRY_AFTER_MS = 300_000
const MAX_REASON_LENGTH = 200
/** A backend that restarts closes several connections. */
const MAX_TRIES = 3

/** Answers that ask for another attempt, besides 5xx. */
const RETRIED_STATUSES: readonly number[] = [408, 425, 429]
/** The connection was closed before an answer began, as happens to one that was idle. */
const CLOSED_CODES: readonly unknown[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

interface ForwarderOptions {
  /** With a path, perhaps. */
  readonly url: string
  readonly app: string
  /** Signs what waited too long. */
  readonly token: string | undefined
  readonly tls: TlsFiles
}

/** Says of a failed attempt whether its time was up. */
type TimedAttempt = Attempt & { readonly isLate?: boolean }

export interface BackendForwarder extends Forwarder {
  forward(...args: Parameters<Forwarder['forward']>): Promise<TimedAttempt>
  /** Closes all connections. */
  stop(): Promise<void>
}

/** Sends requests to the backend, over connections that are kept. Throws START_FAILED if a file of `tls` is of no use. */
export function createForwarder(
  { url, app, token, tls }: ForwarderOptions,
  { log }: { readonly log: Pick<Logger, 'info' | 'error'> },
): BackendForwarder {
  const { origin, pathname: basePath } = new URL(url)
  const reading = new ReadingBytes()
  const connector = createConnector(tls, log)
  const pool = new Pool(origin, {
    connections: MAX_CONNECTIONS,
    // Each request has its own time.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    clientTtl: MAX_CONNECTION_AGE_MS,
    connect: connector.connect,
  })

  function send(
    request: RelayedRequest,
    attempt: number,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { method, pathSuffix, contentType, forwarded, body, receivedAtMs } = request
    const query = freshlySigned(request.query, token, { receivedAtMs, nowMs: Date.now() })
    return pool.request({
      method: method as Dispatcher.HttpMethod,
      path: targetOf(basePath, pathSuffix, query),
      headers: {
        ...forwarded,
        ...(contentType !== undefined && { 'Content-Type': contentType }),
        [RELAYED_HEADER]: app,
        ...(attempt > 1 && { [ATTEMPT_HEADER]: String(attempt) }),
      },
      body: body.length === 0 ? null : body,
      signal,
    })
  }

  /** Sends it again if the connection was closed: it had been idle, most likely, and the backend closed it just then. */
  async function sendOnOpen(
    request: RelayedRequest,
    attempt: number,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    for (let tries = 1; ; tries++) {
      try {
        return await send(request, attempt + tries - 1, signal)
      } catch (error) {
        const wasClosed = CLOSED_CODES.includes((error as { code?: unknown }).code)
        if (!wasClosed || tries === MAX_TRIES || signal.aborted) throw error
      }
    }
  }

  async function exchange(
    request: RelayedRequest,
    attempt: number,
    signal: AbortSignal,
  ): Promise<TimedAttempt> {
    const response = await sendOnOpen(request, attempt, signal)
    const { statusCode: status, headers } = response
    if (status >= 500 || RETRIED_STATUSES.includes(status)) {
      response.body.on('error', () => undefined).destroy()
      const retryAfterMs = parseRetryAfter(headers['retry-after'])
      return {
        kind: 'failed',
        reason: `the backend answered with status ${status}`,
        status,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      }
    }
    const body = await readAnswer(response, reading)
    const [contentType, contentEncoding] = ['content-type', 'content-encoding'].map((name) =>
      [headers[name]].flat().at(0),
    )
    return {
      kind: 'answered',
      status,
      contentType,
      ...(contentEncoding !== undefined && { contentEncoding }),
      body,
    }
  }

  return {
    async forward(request, { timeoutMs, attempt, signal: stopped }) {
      const ended = new AbortController()
      let isLate = false
      const end = (): void => ended.abort()
      const timer = setTimeout(() => {
        isLate = true
        end()
      }, timeoutMs)
      stopped?.addEventListener('abort', end)
      if (stopped?.aborted === true) end()
      try {
        return await exchange(request, attempt, ended.signal)
      } catch (error) {
        if (isLate) return { kind: 'failed', reason: `no answer within ${Math.round(timeoutMs)} ms`, isLate }
        return { kind: 'failed', reason: reasonOf(error).slice(0, MAX_REASON_LENGTH) }
      } finally {
        clearTimeout(timer)
        stopped?.removeEventListener('abort', end)
      }
    },

    async stop() {
      connector.stop()
      await pool.destroy()
    },
  }
}

/** In seconds, or a date, which is in GMT even where it does not say so (RFC 9110). */
function parseRetryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined
  const date = value.endsWith('GMT') ? value : `${value} GMT`
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(date) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS)
}
