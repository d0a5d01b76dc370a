import { createHmac } from 'node:crypto'
import Joi from 'joi'
import { conversationOf } from '../../../shared/conversation.ts'
import { reasonOf } from '../../../shared/errors.ts'
import { fetchBounded } from '../../http/fetch.ts'
import { createLimiter } from '../../lib/flow-control.ts'
import type { MembershipSource, Verdict } from './membership-cache.ts'
import { Pause } from './pause.ts'
import { Silence } from './silence.ts'

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

/** `forS` may be null or empty: serializers of typed languages write what is not set. Longer than a day counts as a day. */
const verdictSchema = Joi.object<Verdict>({
  allowed: Joi.boolean().strict().required(),
  forS: Joi.number()
    .strict()
    .min(1)
    .custom((forS: number) => Math.min(forS, MAX_GRANT_S))
    .empty(Joi.valid(null, '')),
})
  .unknown()
  .required()

/** Seconds, or a date (RFC 9110, section 10.2.3). Returns ms from now; 0 for anything else. */
function readRetryAfter(header: string | null): number {
  if (header === null) return 0
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? 0 : ms
}

/** Asks the app's backend: POSTs `{ app, userId, group, topic? }` or `{ app, userId, official }` and expects `{ allowed, forS? }`. */
export function createAppEndpoint({ url, secret, app }: AppEndpointOptions): MembershipSource {
  const limit = createLimiter(MAX_CONCURRENT_REQUESTS)
  const pause = new Pause()
  const silence = new Silence()
  let queued = 0

  async function post(body: string): Promise<Verdict> {
    const time = String(Math.floor(Date.now() / 1_000))
    const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
    const request = fetchBounded(url, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        'X-Recall-Gateway-Time': time,
        'X-Recall-Gateway-Signature': `sha256=${signature}`,
      },
      maxBytes: MAX_RESPONSE_BYTES,
    })
    const { status, headers, text } = await silence.watch(request)
    if (status === 429 || status === 503) pause.begin(readRetryAfter(headers.get('Retry-After')))
    if (status !== 200) throw new Error(`it responded with status ${status}`)
    pause.succeeded()
    return Joi.attempt(JSON.parse(text), verdictSchema)
  }

  return async (userId, conversation) => {
    pause.check('AUTHORIZE_URL')
    if (queued >= MAX_QUEUED_REQUESTS) throw new Error('too many requests are queued for AUTHORIZE_URL')
    queued++
    try {
      const body = JSON.stringify({ app, userId, ...conversationOf(conversation) })
      return await limit(() => {
        // It may have begun while the request was queued.
        pause.check('AUTHORIZE_URL')
        silence.check('AUTHORIZE_URL')
        return post(body).catch((cause: unknown) => {
          throw new Error(`AUTHORIZE_URL: ${reasonOf(cause)}`)
        })
      })
    } finally {
      queued--
    }
  }
}
