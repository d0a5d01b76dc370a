import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import express from 'express'
import type { ErrorRequestHandler, Express, Router } from 'express'
import { GatewayError } from '../../shared/errors.ts'
import { MAX_HEADER_BYTES } from '../../shared/limits.ts'
import type { MemoryBudget } from '../lib/memory-budget.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { redirectToFolders, stripBasePath } from './base-path.ts'
import { reportClientErrors } from './client-errors.ts'
import { Connections } from './connections.ts'
import { respondWithError } from './error-response.ts'
import { respondNotFound } from './not-found.ts'
import { serveInTurn } from './pipelining.ts'
import { checkForm } from './request-form.ts'
import { readTls, reloadTls } from './tls.ts'
import type { TlsFiles } from './tls.ts'
import { cutUnreadResponses } from './unread-responses.ts'
import { serveUpgrades } from './upgrades.ts'
import type { WebSockets } from './upgrades.ts'
import { countWaitingResponses } from './waiting-responses.ts'

/**
 * Bounds slow senders, TLS handshakes included; no request we accept is large. Headers get as long as the whole request:
 * their timer starts when the connection opens, and clients open connections before they need them.
 */
const REQUEST_TIMEOUT_MS = 10_000
/** By default, Node looks for requests that timed out every 30 s. */
const CHECK_INTERVAL_MS = 1_000
/** Enough for a webhook that could not be stored: its response is sent after 2.1 s. */
const CLOSE_TIMEOUT_MS = 3_000

interface HttpOptions {
  readonly host: string
  readonly port: number
  /** How long a connection may be idle between two requests. */
  readonly keepAliveMs: number
  /** Maximum connections of the process, WebSockets included. */
  readonly maxConnections: number
  /** Maximum connections of one client network, beside its WebSockets. */
  readonly maxPerAddress: number
  /** Undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined
  /** Path below which everything is served too. */
  readonly basePath?: string | undefined
}

/** Serves a request and returns true, or returns false if the request is not for it. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => boolean

interface HttpDependencies {
  /** Tried first, in order. They bypass Express, whose routing costs as much as handling a recall. */
  readonly handlers: readonly RequestHandler[]
  /** Serve the requests that no handler serves, in order. */
  readonly routers: readonly Router[]
  /** Undefined for none. */
  readonly webSockets: WebSockets | undefined
  /** Whether the peer of a request is a trusted proxy. */
  readonly isProxy: (request: { readonly socket: Socket }) => boolean
  readonly memory: Pick<MemoryBudget, 'add'>
  readonly metrics: Pick<Metrics, 'connectionGaveWay' | 'memoryShed'>
  readonly refusals: Refusals
  readonly log: Logger
}

/** The one HTTP server of the process. */
export function createHttpServer(
  { host, port, keepAliveMs, maxConnections, maxPerAddress, tls, basePath }: HttpOptions,
  { handlers, routers, webSockets, isProxy, memory, metrics, refusals, log }: HttpDependencies,
) {
  const redirects = basePath === undefined ? [] : [redirectToFolders([basePath])]
  const app = createApp([...redirects, ...routers], refusals)
  const strip = basePath === undefined ? undefined : stripBasePath(basePath)
  let closing = false
  const serveOne = (request: IncomingMessage, response: ServerResponse): void => {
    if (closing) response.setHeader('Connection', 'close')
    const error = checkForm(request)
    if (error) {
      response.setHeader('Connection', 'close')
      respondWithError(response, refusals.report('http', error, { request }))
      return
    }
    strip?.(request)
    if (!handlers.some((handle) => handle(request, response))) app(request, response)
  }
  const turns = serveInTurn(serveOne, {
    onBusy(connection) {
      connections.busy(connection)
      unread.watch(connection)
    },
    onIdle: (connection) => connections.idle(connection),
    onOverflow(connection) {
      const error = new GatewayError('TOO_MANY_REQUESTS', 'more than 10 wait on one connection')
      refusals.report('connection', error)
      connection.destroy()
    },
  })

  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: keepAliveMs,
    // `checkForm` requires it, in turn.
    requireHostHeader: false,
  }
  const secure =
    tls &&
    createSecureServer({ ...options, ...readTls(tls), handshakeTimeout: REQUEST_TIMEOUT_MS }, turns.serve)
  const server: Server = secure ?? createServer(options, turns.serve)
  const stopReloading = tls && secure && reloadTls(secure, tls, log)
  const connections = new Connections(
    server,
    secure !== undefined,
    { max: maxConnections, perAddress: maxPerAddress, isProxy },
    { metrics, refusals, log },
  )
  const plain = createServer(options, turns.serve)
  for (const one of [server, plain]) {
    // Node would respond to these requests by itself, at once.
    one.on('checkExpectation', turns.serve)
    reportClientErrors(one, turns.currentOf, refusals)
  }
  const unread = cutUnreadResponses([server, plain], {
    currentOf: turns.currentOf,
    busyFor: (ms) => connections.busyFor(ms),
    refusals,
  })
  const { currentOf, waitingBytesOf } = turns
  const inProgress = () => connections.inProgress()
  memory.add(countWaitingResponses({ inProgress, currentOf, waitingBytesOf, metrics, refusals }))
  serveUpgrades(server, plain, {
    webSockets,
    strip,
    onWebSocket: (connection) => connections.becameWebSocket(connection),
    isIdle: (connection) => turns.currentOf(connection) === undefined,
    refusals,
  })

  return {
    /** Resolves to the port once the server listens. Rejects with START_FAILED. */
    start: () =>
      new Promise<number>((resolve, reject) => {
        const fail = (cause: NodeJS.ErrnoException): void => {
          reject(new GatewayError('START_FAILED', describeListenError(cause, host, port), { cause }))
        }
        server.once('error', fail)
        server.listen(port, host, () => {
          server.off('error', fail).on('error', (err) => log.error({ err }, 'HTTP server failed'))
          const address = server.address()
          resolve(typeof address === 'object' && address !== null ? address.port : port)
        })
      }),

    /**
     * Makes each further response ask for the connection to be closed, so that none has to be destroyed in the middle of a
     * request.
     */
    closeAfterResponse(): void {
      closing = true
    },

    /**
     * Accepts no more connections, lets current requests finish, and destroys the remaining connections after 3 s: a
     * suspended peer never closes its own.
     */
    stop: () =>
      new Promise<void>((resolve) => {
        stopReloading?.()
        unread.stop()
        const timer = setTimeout(() => {
          connections.destroyAll()
        }, CLOSE_TIMEOUT_MS)
        server.close(() => {
          clearTimeout(timer)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

function createApp(routers: readonly Router[], refusals: Refusals): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  return app.use(...routers, respondNotFound(), respondError(refusals))
}

const respondError =
  (refusals: Refusals): ErrorRequestHandler =>
  (reason: unknown, request, response, next) => {
    const error = refusals.report('http', reason, { request })
    if (response.headersSent) return next(reason)
    respondWithError(response, error)
  }

function describeListenError({ code }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === 'EADDRINUSE') return `port ${port} is in use (PORT)`
  if (code === 'EACCES') return `port ${port} requires privileges that this process lacks (PORT)`
  return `cannot listen on ${host} port ${port} (${code ?? 'unknown reason'})`
}
