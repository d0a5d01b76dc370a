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
export function parseQuery(text: string): WebhookQuery {
  const parameters = new URLSearchParams(text)
  /** Providers and proxies spell names in several ways; nearly always the documented one. */
  const inAnyCase = (name: string): string | undefined =>
    [...parameters].find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
  return {
    get: (name) => (parameters.get(name) ?? inAnyCase(name)) || undefined,
    get withoutSign() {
      const rest = [...parameters].filter(([key]) => key.toLowerCase() !== 'sign')
      return new URLSearchParams(rest).toString()
    },
  }
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
