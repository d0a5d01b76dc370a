import { signatureOf } from '../authenticity.ts'

/** Backends refuse a RequestTime that is more than a minute old, and this attempt takes time too. */
const MAX_AGE_MS = 30_000

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
  // The clock may have been set back.
  const isFresh = Math.abs(nowMs - receivedAtMs) <= MAX_AGE_MS
  if (isFresh && names.includes('sign') && names.includes('requesttime')) return query
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

const withValue = (parameter: string, value: string): string =>
  `${parameter.includes('=') ? parameter.slice(0, parameter.indexOf('=')) : parameter}=${value}`
