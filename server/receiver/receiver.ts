import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import type { ErrorRequestHandler, NextFunction, Request, Response, Router } from 'express'
import { asGatewayError, ERRORS, GatewayError } from '../../shared/errors.ts'
import type { Logger } from '../ops/logger.ts'
import { refusal } from './answers.ts'
import { createWebhook } from './webhook.ts'
import type { WebhookOptions } from './webhook.ts'

/** A recall of 1,000 messages with their ids takes about 75 KiB; four times that is left for what may be added. */
const BODY_AT_MOST_BYTES = 256 * 1024

/** Past the provider's 2 s: only a timeout makes it try again, an error answer is final. */
const FAIL_AFTER_MS = 2_100

interface ReceiverOptions extends WebhookOptions {
  /** Path that the provider is told to call. */
  readonly path: string
  readonly mayCall: (request: IncomingMessage) => boolean
}

/** The door for webhooks: HTTP on this side, `createWebhook` behind it. */
export function createReceiver(
  { path, mayCall, ...options }: ReceiverOptions,
  dependencies: Parameters<typeof createWebhook>[1],
): Router {
  const takeWebhook = createWebhook(options, dependencies)
  const router = express.Router({ caseSensitive: true, strict: true })

  async function answerWebhook(request: Request, response: Response): Promise<void> {
    const receivedAtMs = Number(response.locals['receivedAtMs'])
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const query = request.originalUrl.split('?', 2)[1] ?? ''
    try {
      const answer = await takeWebhook({ query, body, receivedAtMs })
      dependencies.metrics.webhookAnswered('OK')
      response.json(answer)
    } catch (error) {
      const known = asGatewayError(error)
      if (ERRORS[known.code].retry) await delay(receivedAtMs + FAIL_AFTER_MS - Date.now())
      answerRefusal(response, known)
    }
  }

  function answerRefusal(response: Response, error: GatewayError): void {
    tell(dependencies.log, error)
    dependencies.metrics.webhookAnswered(error.code)
    response.status(ERRORS[error.code].status).json(refusal(error))
  }

  /** Answers at once what says itself that it is too large; the body reader would first wait for all of it. */
  function refuseTooLarge(request: Request, response: Response, next: NextFunction): void {
    if (Number(request.headers['content-length'] ?? 0) <= BODY_AT_MOST_BYTES) return next()
    response.set('Connection', 'close')
    answerRefusal(response, new GatewayError('BODY_TOO_LARGE'))
  }

  /** Errors of reading the body, before anything was checked. */
  const answerUnreadable: ErrorRequestHandler = (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const tooLarge = error instanceof Error && 'type' in error && error.type === 'entity.too.large'
    response.set('Connection', 'close')
    const code = tooLarge ? 'BODY_TOO_LARGE' : 'BODY_UNREADABLE'
    answerRefusal(response, new GatewayError(code, undefined, { cause: error }))
  }

  router
    .route(path)
    .all((request, response, next) => {
      response.locals['receivedAtMs'] = Date.now()
      if (!mayCall(request)) {
        response.set('Connection', 'close')
        return answerRefusal(response, new GatewayError('ADDRESS_REFUSED'))
      }
      if (request.method === 'POST') return next()
      response.set('Allow', 'POST')
      answerRefusal(response, new GatewayError('METHOD_NOT_ALLOWED'))
    })
    // Any Content-Type, or none: the provider has been seen to send both. Bodies are never compressed.
    .post(
      refuseTooLarge,
      express.raw({ type: () => true, limit: BODY_AT_MOST_BYTES, inflate: false }),
      answerWebhook,
    )
  router.use(path, answerUnreadable)
  return router
}

function tell(log: Logger, error: GatewayError): void {
  if (error.code === 'NOT_KEPT' || error.code === 'INTERNAL')
    log.error({ code: error.code, err: error.cause }, 'webhook failed')
  else log.warn({ code: error.code, detail: error.message }, 'webhook refused')
}
