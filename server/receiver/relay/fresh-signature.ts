import { signatureOf } from '../authenticity.ts'

/** Backends refuse a RequestTime that is more than a minute off, and this attempt takes time too. */
const MAX_AGE_MS = 30_000
/** In an attempt that is made as soon as the webhook came, the backend judges what the provider sent. */
const AT_ONCE_MS = 2_000

/** The time of an attempt, and of the request's arrival. */
interface Times {
  readonly receivedAtMs: number
  readonly nowMs: number
}

/**
 * Returns the query with a `Sign` and `RequestTime` that a backend still accepts, in the places of those that it came with; the rest
 * byte for byte. It stays as it is while they are fresh, and without a token, with which nothing is signed.
 */
export function freshlySigned(
  query: string,
  token: string | undefined,
  { receivedAtMs, nowMs }: Times,
): string {
  if (token === undefined) return query
  const parameters = query === '' ? [] : query.split('&')
  const names = parameters.map(nameOf)
  const isSigned = names.includes('sign') && names.includes('requesttime')
  // It may have been nearly a minute off when it came. And the clock may have been set back since.
  const sentAtMs = Number(valueOf(parameters[names.indexOf('requesttime')])) * 1_000
  const isFresh = isNear(nowMs, receivedAtMs, AT_ONCE_MS) || isNear(nowMs, sentAtMs, MAX_AGE_MS)
  if (isSigned && isFresh) return query
  const requestTime = String(Math.floor(nowMs / 1_000))
  const sign = signatureOf(token, requestTime)
  const renewed = parameters.map((parameter, i) => {
    if (names[i] === 'sign') return withValue(parameter, sign)
    return names[i] === 'requesttime' ? withValue(parameter, requestTime) : parameter
  })
  // The quarantine does not keep the sign.
  if (!names.includes('sign')) renewed.push(`Sign=${sign}`)
  if (!names.includes('requesttime')) renewed.push(`RequestTime=${requestTime}`)
  return renewed.join('&')
}

/** In lower case: their case is not the same everywhere. */
const nameOf = (parameter: string): string => {
  const [name = ''] = new URLSearchParams(parameter).keys()
  return name.toLowerCase()
}

const valueOf = (parameter = ''): string => [...new URLSearchParams(parameter).values()][0] ?? ''

const isNear = (oneMs: number, otherMs: number, maxMs: number): boolean => Math.abs(oneMs - otherMs) <= maxMs

const withValue = (parameter: string, value: string): string =>
  `${parameter.includes('=') ? parameter.slice(0, parameter.indexOf('=')) : parameter}=${value}`
