import { randomBytes } from 'node:crypto'

/** Where a step stands in a trace. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** Of the step: 16 hexadecimal digits. */
  readonly spanId: string
  /** Whether whoever began the trace wants its spans. */
  readonly isSampled: boolean
}

const TRACE_ID_DIGITS = 32
const SPAN_ID_DIGITS = 16
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const MAX_TRACEPARENT_LENGTH = 256
const SAMPLED = 1
/** What proxies write into X-Request-Id: a UUID, or its digits alone. */
const UUID = /^[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}$/i

/** Reads what anybody may have written; undefined unless it is well-formed. Source: W3C Trace Context, section 3.2. */
export function parseTraceparent(text: unknown): TraceContext | undefined {
  if (typeof text !== 'string' || text.length > MAX_TRACEPARENT_LENGTH) return undefined
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(text) ?? []
  // A later version may have more.
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (isZero(traceId) || isZero(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED }
}

export const formatTraceparent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`

/** Returns the id of the trace that a request with this `X-Request-Id` begins; undefined if it is no UUID. */
export function traceIdOfRequestId(text: unknown): string | undefined {
  if (typeof text !== 'string' || !UUID.test(text)) return undefined
  const traceId = text.replaceAll('-', '').toLowerCase()
  return isZero(traceId) ? undefined : traceId
}

export const newTraceId = (): string => randomDigits(TRACE_ID_DIGITS)
export const newSpanId = (): string => randomDigits(SPAN_ID_DIGITS)

const isZero = (digits: string): boolean => /^0+$/.test(digits)

const POOL_DIGITS = 8_192
let pool = ''
let used = 0

/** Asking for random bytes costs several microseconds, however few they are. */
function randomDigits(count: number): string {
  if (used + count > pool.length) {
    pool = randomBytes(POOL_DIGITS / 2).toString('hex')
    used = 0
  }
  const digits = pool.slice(used, used + count)
  used += count
  return isZero(digits) ? randomDigits(count) : digits
}
