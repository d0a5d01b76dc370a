import { createHmac } from 'node:crypto'
import Joi from 'joi'
import { fetchBounded } from '../../http/fetch.ts'
import { createLimiter } from '../../lib/flow-control.ts'
import type { MembershipSource, Verdict } from './membership-cache.ts'

const MAX_CONCURRENT_REQUESTS = 50
/** Includes requests in flight. */
const MAX_QUEUED_REQUESTS = 1_000
const MAX_RESPONSE_BYTES = 4_096
const MAX_GRANT_S = 86_400

interface AppEndpointOptions {
  readonly url: string
  /** Key that signs each request: the hex HMAC-SHA256 of the time, a full stop and the body. */
  readonly secret: string
  readonly app: string
}

const verdictSchema = Joi.object<Verdict>({
  allowed: Joi.boolean().strict().required(),
  forS: Joi.number().strict().integer().min(1).max(MAX_GRANT_S),
})
  .unknown()
  .required()

/** Asks the app's backend: POSTs `{ app, userId, group, topic? }` and expects `{ allowed, forS? }`. */
export function createAppEndpoint({ url, secret, app }: AppEndpointOptions): MembershipSource {
  const limit = createLimiter(MAX_CONCURRENT_REQUESTS)
  let queued = 0

  async function post(body: string): Promise<Verdict> {
    const time = String(Math.floor(Date.now() / 1_000))
    const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
    const { status, text } = await fetchBounded(url, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        'X-Recall-Gateway-Time': time,
        'X-Recall-Gateway-Signature': `sha256=${signature}`,
      },
      maxBytes: MAX_RESPONSE_BYTES,
    })
    if (status !== 200) throw new Error(`AUTHORIZE_URL responded with status ${status}`)
    return Joi.attempt(JSON.parse(text), verdictSchema)
  }

  return async (userId, { group, topic }) => {
    if (queued >= MAX_QUEUED_REQUESTS) throw new Error('too many requests are queued for AUTHORIZE_URL')
    queued++
    try {
      const body = JSON.stringify({ app, userId, group, ...(topic !== undefined && { topic }) })
      return await limit(() => post(body))
    } finally {
      queued--
    }
  }
}
