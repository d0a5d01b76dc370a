import { GatewayError } from '../../shared/errors.ts'
import { checkAuthenticity, createExpectedSigns } from './authenticity.ts'

export interface CallerOptions {
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** Tokens of the webhook authentication; several during a rotation. Undefined accepts webhooks from anyone. */
  readonly tokens: readonly string[] | undefined
}

/** The query of a webhook. */
export interface WebhookQuery {
  /** Undefined if it is missing or empty. Of several with one name, the first counts. */
  get(name: string): string | undefined
  readonly withoutSign: string
}

/**
 * Returns a function that checks who calls, by the query alone, so that the body of a call that is refused need not be read. It
 * throws APP_NOT_OURS, WEBHOOK_FORGED or WEBHOOK_STALE. `waitedForMs` is how long the call may have waited to be read.
 */
export function createCallerCheck({ app, tokens }: CallerOptions) {
  const expectedSigns = tokens && createExpectedSigns(tokens)

  return function checkCaller(text: string, nowMs: number, waitedForMs: number): WebhookQuery {
    const query = parseQuery(text)
    const sdkAppId = query.get('SdkAppid')
    if (sdkAppId !== app)
      throw new GatewayError(
        'APP_NOT_OURS',
        sdkAppId === undefined ? 'SdkAppid is missing' : 'is SDK_APP_ID the one of the Chat console?',
      )
    if (expectedSigns === undefined) return query
    const [sign, requestTime] = [query.get('Sign'), query.get('RequestTime')]
    const verdict = checkAuthenticity({ sign, requestTime }, expectedSigns, nowMs, waitedForMs)
    if (verdict === 'forged') throw new GatewayError('WEBHOOK_FORGED', whatIsMissing(sign, requestTime))
    if (verdict === 'stale') throw new GatewayError('WEBHOOK_STALE', describeSkew(Number(requestTime), nowMs))
    return query
  }
}

/** Reads a query without checking who calls. */
export const parseQuery = (text: string): WebhookQuery => new Query(text)

/** A query of which nothing has to be decoded: printable ASCII without `%`, `+` and a `?` at its beginning. */
const PLAIN = /^(?:[!-$&-*,->@-~][!-$&-*,-~]*)?$/

class Query implements WebhookQuery {
  readonly #text: string
  readonly #isPlain: boolean
  #parameters: URLSearchParams | undefined

  constructor(text: string) {
    this.#text = text
    this.#isPlain = PLAIN.test(text)
  }

  get(name: string): string | undefined {
    const plain = this.#isPlain ? valueIn(this.#text, name) : undefined
    return (plain ?? this.#decoded.get(name) ?? this.#inAnyCase(name)) || undefined
  }

  get withoutSign(): string {
    const rest = [...this.#decoded].filter(([key]) => key.toLowerCase() !== 'sign')
    return new URLSearchParams(rest).toString()
  }

  /** Providers and proxies spell names in several ways; nearly always the documented one. */
  #inAnyCase(name: string): string | undefined {
    return [...this.#decoded].find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
  }

  /** Made when it is needed: it takes longer than all other checks of the caller. */
  get #decoded(): URLSearchParams {
    return (this.#parameters ??= new URLSearchParams(this.#text))
  }
}

/**
 * Returns what `URLSearchParams` would, of a query of which nothing has to be decoded; undefined if there is none of this name.
 */
function valueIn(query: string, name: string): string | undefined {
  for (let start = 0; start < query.length;) {
    const next = query.indexOf('&', start)
    const end = next === -1 ? query.length : next
    if (query.startsWith(name, start)) {
      const mark = start + name.length
      if (mark === end) return ''
      if (query[mark] === '=') return query.slice(mark + 1, end)
    }
    start = end + 1
  }
  return undefined
}

function whatIsMissing(sign: string | undefined, requestTime: string | undefined): string | undefined {
  if (sign === undefined)
    return 'Sign is missing; switch on the authentication of webhooks in the Chat console'
  return requestTime === undefined
    ? 'RequestTime is missing'
    : 'is WEBHOOK_TOKEN the one of the Chat console?'
}

/** Names the difference: one of the two clocks is wrong, or the call is old. */
function describeSkew(requestTimeS: number, nowMs: number): string {
  const offS = Math.round(nowMs / 1_000 - requestTimeS)
  return `${Math.abs(offS)} s ${offS > 0 ? 'before' : 'after'} the clock of the gateway`
}
