import { createServer } from 'node:http'
import type { Server } from 'node:http'
import express from 'express'
import type { ErrorRequestHandler, RequestHandler, Router } from 'express'
import { asGatewayError, ERRORS, GatewayError } from '../shared/errors.ts'
import type { Logger } from './ops/logger.ts'

/** Slow senders are cut off: no request of ours is large. */
const HEADERS_WITHIN_MS = 5_000
const REQUEST_WITHIN_MS = 10_000
/** The provider keeps connections open; closing one just as it sends a webhook would lose the webhook. */
const KEEP_ALIVE_MS = 120_000
const CLOSE_WITHIN_MS = 5_000

interface HttpOptions {
  readonly host: string
  readonly port: number
}

/** The one HTTP server of the process, with `routers` in this order. */
export function createHttpServer({ host, port }: HttpOptions, routers: readonly Router[], log: Logger) {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.use(...routers, answerNotFound, answerError(log))

  const server: Server = createServer(
    { headersTimeout: HEADERS_WITHIN_MS, requestTimeout: REQUEST_WITHIN_MS, keepAliveTimeout: KEEP_ALIVE_MS },
    app,
  )

  return {
    server,

    /** Resolves with the port once connections are taken. Rejects with START_FAILED. */
    start: () =>
      new Promise<number>((resolve, reject) => {
        server.once('error', (cause: NodeJS.ErrnoException) => {
          reject(new GatewayError('START_FAILED', describeListenError(cause, host, port), { cause }))
        })
        server.listen(port, host, () => {
          const address = server.address()
          resolve(typeof address === 'object' && address !== null ? address.port : port)
        })
      }),

    /** Takes no more connections, lets requests under way finish, and ends the rest after a deadline. */
    stop: () =>
      new Promise<void>((resolve) => {
        const giveUp = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS)
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

const answerNotFound: RequestHandler = (_request, response) => {
  response.status(404).json({ code: 'NOT_FOUND', message: 'nothing is here' })
}

const answerError =
  (log: Logger): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const { code, message, cause } = asGatewayError(error)
    if (code === 'INTERNAL') log.error({ err: cause }, 'request failed')
    response.status(ERRORS[code].status).json({ code, message })
  }
