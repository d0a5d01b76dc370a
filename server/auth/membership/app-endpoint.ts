import { createHmac } from 'node:crypto'
import Joi from 'joi'
import { createLimiter } from '../../lib/flow-control.ts'
import { fetchBounded } from '../../http/fetch.ts'
import type { MembershipSource, Verdict } from './membership-cache.ts'

const REQUESTS_AT_ONCE = 50
const WAITING_AT_MOST = 1_000
const ANSWER_AT_MOST_BYTES = 4_096
const HOLDS_AT_MOST_S = 86_400

interface AppEndpointOptions {
  readonly url: string
  /** Signs each request: hex of the HMAC-SHA256 of the time, a full stop and the body. */
  readonly secret: string
  readonly app: string
}

const verdictSchema = Joi.object<Verdict>({
  allowed: Joi.boolean().strict().required(),
  forS: Joi.number().strict().integer().min(1).max(HOLDS_AT_MOST_S),
})
  .unknown()
  .required()

/** Asks the app's own backend: a POST of `{ app, userId, group, topic? }`, answered with `{ allowed, forS? }`. */
export function createAppEndpoint({ url, secret, app }: AppEndpointOptions): MembershipSource {
  const limit = createLimiter(REQUESTS_AT_ONCE)
  let waiting = 0

  async function ask(body: string): Promise<Verdict> {
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
      atMostBytes: ANSWER_AT_MOST_BYTES,
    })
    if (status !== 200) throw new Error(`the app answered with status ${status}`)
    return Joi.attempt(JSON.parse(text), verdictSchema)
  }

  return async (userId, { group, topic }) => {
    if (waiting >= WAITING_AT_MOST) throw new Error('too many questions wait for the app')
    waiting++
    try {
      const body = JSON.stringify({ app, userId, group, ...(topic !== undefined && { topic }) })
      return await limit(() => ask(body))
    } finally {
      waiting--
    }
  }
}
