import { createHash, timingSafeEqual } from 'node:crypto'

/** The provider asks receivers to refuse calls that are more than a minute off. Source: Webhook Overview, document 34354. */
const MAX_SKEW_MS = 60_000

/** What the query of a webhook says about who sent it. */
export interface Signature {
  readonly sign: string | undefined
  /** Unix time in whole seconds, hashed as received. */
  readonly requestTime: string | undefined
}

/**
 * Whether one who knows a token made this call within the last minute. `Sign` is the hex of sha256(token + RequestTime):
 * it does not cover the body, nor the rest of the query. Pure: no request, no clock.
 */
export function checkAuthenticity(
  { sign, requestTime }: Signature,
  signsAt: SignsAt,
  nowMs: number,
): 'genuine' | 'forged' | 'stale' {
  if (sign === undefined || requestTime === undefined || !/^\d{1,12}$/.test(requestTime)) return 'forged'
  if (!/^[0-9a-f]{64}$/i.test(sign)) return 'forged'
  const given = Buffer.from(sign, 'hex')
  // Every token is tried, so that the time taken does not tell which one fits.
  const fits = signsAt(requestTime)
    .map((expected) => timingSafeEqual(given, expected))
    .includes(true)
  if (!fits) return 'forged'
  return Math.abs(nowMs - Number(requestTime) * 1_000) > MAX_SKEW_MS ? 'stale' : 'genuine'
}

/** What `Sign` must be at a `RequestTime`, with each of the tokens. */
export type SignsAt = (requestTime: string) => readonly Buffer[]

/** Keeps those of the latest time: all webhooks of one second have the same. */
export function createSignsAt(tokens: readonly string[]): SignsAt {
  let latest: string | undefined
  let signs: readonly Buffer[] = []
  return (requestTime) => {
    if (requestTime !== latest) signs = tokens.map((token) => digest(token, requestTime))
    latest = requestTime
    return signs
  }
}

/** The `Sign` of a call, lower-case hex. */
export const signatureOf = (token: string, requestTime: string): string =>
  digest(token, requestTime).toString('hex')

const digest = (token: string, requestTime: string): Buffer =>
  createHash('sha256')
    .update(token + requestTime)
    .digest()
