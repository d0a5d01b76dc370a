import { parseQuery } from '../caller.ts'
import type { HandleWebhook } from '../webhook.ts'
import { decodeBody } from './quarantine.ts'
import type { QuarantinedRequest } from './quarantine.ts'

/** Of the time that a fresh webhook gets: a retry has to be over before the process that asked for it gives up. */
const USED_UP_MS = 700

/** Resolves once the webhook is handled, wholly. Rejects with a GatewayError like that of a fresh one. */
export type RetryWebhook = (request: QuarantinedRequest) => Promise<void>

/** Lets a webhook of the quarantine in by the door of fresh ones. Who called, and when, was checked when it came. */
export const createRetryWebhook =
  (handle: HandleWebhook): RetryWebhook =>
  async (request) => {
    const { method = 'POST', path = '' } = request
    await handle({
      query: parseQuery(request.query),
      body: decodeBody(request),
      contentType: request.contentType,
      receivedAtMs: request.receivedAtMs,
      startedMs: performance.now() - USED_UP_MS,
      isReplay: true,
      relayed: { method, pathSuffix: path, query: request.query, forwarded: {} },
    })
  }
