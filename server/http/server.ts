import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse, RequestListener, ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import express from 'express'
import type { ErrorRequestHandler, RequestHandler as ExpressHandler, Router } from 'express'
import { asGatewayError, ERRORS, GatewayError } from '../../shared/errors.ts'
import type { ErrorResponse } from '../../shared/http-api.ts'
import type { Logger } from '../telemetry/logger.ts'
import { readTls, reloadTls } from './tls.ts'
import type { TlsFiles } from './tls.ts'
import type { Duplex } from 'node:stream'

/**
 * Slow senders are cut off: no request of ours is large. The head gets no less than the whole: its time counts from the
 * moment in which the connection is opened, and senders open some before they need them.
 */
const REQUEST_TIMEOUT_MS = 10_000
/** The provider keeps connections open; closing one just as it sends a webhook would lose the webhook. */
const KEEP_ALIVE_MS = 120_000
/** A webhook that could not be kept is answered after 2.1 s. */
const CLOSE_TIMEOUT_MS = 3_000

/** Beyond what sockets take: a connection is a file of the process. */
const MORE_CONNECTIONS = 5_000

interface HttpOptions {
  readonly host: string
  readonly port: number
  /** Most connections that become sockets. */
  readonly socketsAtMost: number
  /** With it, everything is spoken over TLS. */
  readonly tls: TlsFiles | undefined
  /** Where WebSockets are taken, by who listens to `upgrade`; nowhere when missing. */
  readonly webSocketPath: string | undefined
}

/** Serves a request, or answers that it is not for it. */
type RequestHandler = (request: IncomingMessage, response: ServerResponse) => boolean

/** The one HTTP server of the process: `doors` are tried first, then `routers`, each in this order. */
export function createHttpServer(
  { host, port, socketsAtMost, tls, webSocketPath }: HttpOptions,
  {
    handlers,
    routers,
  }: { readonly handlers: readonly RequestHandler[]; readonly routers: readonly Router[] },
  log: Logger,
) {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.use(...routers, answerNotFound, answerError(log))
  let closing = false
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (closing) response.setHeader('Connection', 'close')
    if (!handlers.some((door) => door(request, response))) app(request, response)
  }

  const options = {
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Node looks for late ones every 30 s by default.
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  const secure = tls && createSecureServer({ ...options, ...readTls(tls) }, serve)
  const server: Server = secure ?? createServer(options, serve)
  server.maxConnections = socketsAtMost + MORE_CONNECTIONS
  const stopReloading = tls && secure && reloadTls(secure, tls, log)
  ignoreOtherUpgrades(server, webSocketPath, options, serve)

  const connections = new Set<Socket>()
  // One function for all of them: a connection of a socket lives long, and there are many.
  function forget(this: Socket): void {
    connections.delete(this)
  }
  server.on('connection', (connection) => {
    connections.add(connection)
    connection.on('close', forget)
  })

  return {
    server,

    /** Resolves with the port once connections are taken. Rejects with START_FAILED. */
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

    /** From now on each answer asks its sender to close the connection, so that none is cut while it sends again. */
    closeAfterResponse(): void {
      closing = true
    },

    /**
     * Takes no more connections, lets requests under way finish, and cuts the rest after a deadline: a peer that is asleep
     * never answers.
     */
    stop: () =>
      new Promise<void>((resolve) => {
        stopReloading?.()
        const giveUp = setTimeout(() => {
          for (const connection of connections) connection.destroy()
        }, CLOSE_TIMEOUT_MS)
        server.close(() => {
          clearTimeout(giveUp)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

function describeListenError({ code }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === 'EADDRINUSE') return `port ${port} is taken (PORT)`
  if (code === 'EACCES') return `port ${port} needs more rights than this process has (PORT)`
  return `cannot listen on ${host} port ${port} (${code ?? 'unknown reason'})`
}

const answerNotFound: ExpressHandler = (_request, response) => {
  const { status, text } = ERRORS.NOT_FOUND
  response.status(status).json({ code: 'NOT_FOUND', message: text } satisfies ErrorResponse)
}

const answerError =
  (log: Logger): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const { code, message, cause } = asGatewayError(error)
    if (code === 'INTERNAL') log.error({ err: cause }, 'request failed')
    response.status(ERRORS[code].status).json({ code, message } satisfies ErrorResponse)
  }

/**
 * Serves a request that asks for another protocol as if it did not ask, unless it asks for a WebSocket at `webSocketPath`:
 * HTTP allows that, and some clients ask for HTTP/2 with every request. Without this, Node would leave such a request to
 * whoever takes upgrades, which is Socket.IO or nobody: a webhook would be lost, and a connection stay for ever.
 */
function ignoreOtherUpgrades(
  server: Server,
  webSocketPath: string | undefined,
  options: ServerOptions,
  listener: RequestListener,
): void {
  // A server that nobody asks for upgrades, which therefore reads these requests to their end.
  const plain = createServer(options, listener)
  // It never listens, and it is then that Node begins to hold requests to the time that they may take.
  plain.emit('listening')
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (webSocketPath !== undefined && isWebSocketAt(webSocketPath, request)) return
    socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
    plain.emit('connection', socket)
  })
}

const isWebSocketAt = (path: string, { headers, method, url = '' }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && url.startsWith(path)

/** The first lines of the request once more, without what asks for the upgrade. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}
