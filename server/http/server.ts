import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import express from 'express'
import type { ErrorRequestHandler, Express, RequestHandler as ExpressHandler, Router } from 'express'
import { GatewayError } from '../../shared/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { respondWithError } from './error-response.ts'
import { readTls, reloadTls } from './tls.ts'
import type { TlsFiles } from './tls.ts'

/**
 * Bounds slow senders; no request we accept is large. Headers get as long as the whole request: their timer starts when the
 * connection opens, and clients open connections before they need them.
 */
const REQUEST_TIMEOUT_MS = 10_000
/** By default, Node looks for requests that timed out every 30 s. */
const CHECK_INTERVAL_MS = 1_000
/** The provider keeps connections open; closing one just as it sends a webhook would lose the webhook. */
const KEEP_ALIVE_MS = 120_000
/** Enough for a webhook that could not be stored: its response is sent after 2.1 s. */
const CLOSE_TIMEOUT_MS = 3_000
/** Beyond the sockets. Each connection is an open file of the process. */
const MAX_OTHER_CONNECTIONS = 5_000

interface HttpOptions {
  readonly host: string
  readonly port: number
  /** Maximum connections that become sockets. */
  readonly maxSockets: number
  /** Undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined
  /** Path at which another listener of `upgrade` accepts WebSockets; undefined for none. */
  readonly webSocketPath: string | undefined
}

/** Serves a request and returns true, or returns false if the request is not for it. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => boolean

interface HttpDependencies {
  /** Tried first, in order. They bypass Express, whose routing costs as much as handling a recall. */
  readonly handlers: readonly RequestHandler[]
  /** Serve the requests that no handler serves, in order. */
  readonly routers: readonly Router[]
  readonly refusals: Refusals
  readonly log: Logger
}

/** The one HTTP server of the process. */
export function createHttpServer(
  { host, port, maxSockets, tls, webSocketPath }: HttpOptions,
  { handlers, routers, refusals, log }: HttpDependencies,
) {
  const app = createApp(routers, refusals)
  let closing = false
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (closing) response.setHeader('Connection', 'close')
    if (!handlers.some((handle) => handle(request, response))) app(request, response)
  }

  const options = {
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  const secure = tls && createSecureServer({ ...options, ...readTls(tls) }, serve)
  const server: Server = secure ?? createServer(options, serve)
  server.maxConnections = maxSockets + MAX_OTHER_CONNECTIONS
  const stopReloading = tls && secure && reloadTls(secure, tls, log)
  serveOtherUpgrades(server, webSocketPath, options, serve)

  const connections = new Set<Socket>()
  // One function for all connections: there are many, and those of sockets are long-lived.
  function forget(this: Socket): void {
    connections.delete(this)
  }
  server.on('connection', (connection) => {
    connections.add(connection)
    connection.on('close', forget)
  })

  return {
    server,

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
        const timer = setTimeout(() => {
          for (const connection of connections) connection.destroy()
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
  return app.use(...routers, respondNotFound, respondError(refusals))
}

const respondNotFound: ExpressHandler = () => {
  throw new GatewayError('NOT_FOUND')
}

const respondError =
  (refusals: Refusals): ErrorRequestHandler =>
  (reason: unknown, _request, response, next) => {
    const error = refusals.report('http', reason)
    if (response.headersSent) return next(reason)
    respondWithError(response, error)
  }

function describeListenError({ code }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === 'EADDRINUSE') return `port ${port} is in use (PORT)`
  if (code === 'EACCES') return `port ${port} requires privileges that this process lacks (PORT)`
  return `cannot listen on ${host} port ${port} (${code ?? 'unknown reason'})`
}

/**
 * Ignores requests to upgrade to another protocol, except to a WebSocket at `webSocketPath`, and serves them as usual. HTTP
 * allows that, and some clients offer HTTP/2 with every request. Otherwise Node would leave such a request to the listener
 * of `upgrade`, Socket.IO or none: a webhook would be lost, and its connection never closed.
 */
function serveOtherUpgrades(
  server: Server,
  webSocketPath: string | undefined,
  options: ServerOptions,
  listener: RequestListener,
): void {
  // A server without a listener of `upgrade` reads these requests like any other.
  const plain = createServer(options, listener)
  // It never listens, but Node enforces the request timeouts from this event on.
  plain.emit('listening')
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (webSocketPath !== undefined && isWebSocketAt(webSocketPath, request)) return
    socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
    plain.emit('connection', socket)
  })
}

const isWebSocketAt = (path: string, { headers, method, url = '' }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && url.startsWith(path)

/** Writes the request line and the headers again, without those that ask for the upgrade. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
