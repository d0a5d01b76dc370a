import { createHash, timingSafeEqual } from 'node:crypto'

/** Tencent asks receivers to refuse calls whose time is more than a minute off. Source: Webhook Overview, document 34354. */
const MAX_SKEW_MS = 60_000
/** Of the time that a call may have waited to be read. Bounds how old a call can be that someone repeats while the process stalls. */
const MAX_WAIT_MS = 300_000

/** The query parameters that authenticate a webhook. */
export interface Signature {
  readonly sign: string | undefined
  /** Unix time in whole seconds, hashed as received. */
  readonly requestTime: string | undefined
}

/**
 * Checks that someone who knows a token made this call within the last minute. `Sign` is the hex of
 * sha256(token + RequestTime): it covers neither the body nor the rest of the query. Pure: no request, no clock.
 *
 * `waitedForMs`: the call may have arrived this long before `nowMs`, while the process did not read. It is judged as if it had
 * been read on arrival: it is genuine if it would have been at any time since then.
 */
export function checkAuthenticity(
  { sign, requestTime }: Signature,
  expectedSigns: ExpectedSigns,
  nowMs: number,
  waitedForMs = 0,
): 'genuine' | 'forged' | 'stale' {
  if (sign === undefined || requestTime === undefined || !/^\d{1,12}$/.test(requestTime)) return 'forged'
  if (!/^[0-9a-f]{64}$/i.test(sign)) return 'forged'
  const presented = Buffer.from(sign, 'hex')
  // Compares with every token, so that timing does not reveal which one matches.
  const matches = expectedSigns(requestTime)
    .map((expected) => timingSafeEqual(presented, expected))
    .includes(true)
  if (!matches) return 'forged'
  const ageMs = nowMs - Number(requestTime) * 1_000
  const maxAgeMs = MAX_SKEW_MS + Math.min(waitedForMs, MAX_WAIT_MS)
  return ageMs > maxAgeMs || ageMs < -MAX_SKEW_MS ? 'stale' : 'genuine'
}

/** Returns the valid `Sign` of each token for a `RequestTime`. */
export type ExpectedSigns = (requestTime: string) => readonly Buffer[]

/** Caches the signs of the latest `RequestTime`, which all webhooks of one second share. */
export function createExpectedSigns(tokens: readonly string[]): ExpectedSigns {
  let latestTime: string | undefined
  let signs: readonly Buffer[] = []
  return (requestTime) => {
    if (requestTime !== latestTime) signs = tokens.map((token) => digest(token, requestTime))
    latestTime = requestTime
    return signs
  }
}

/** The `Sign` of a call, in lower-case hex. */
export const signatureOf = (token: string, requestTime: string): string =>
  digest(token, requestTime).toString('hex')

const digest = (token: string, requestTime: string): Buffer =>
  createHash('sha256')
    .update(token + requestTime)
    .digest()
