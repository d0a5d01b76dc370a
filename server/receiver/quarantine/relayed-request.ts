import { decodeBody, encodeBody } from './quarantine.ts'
import type { QuarantinedRequest } from './quarantine.ts'

/** A webhook as it goes to the app's backend. */
export interface RelayedRequest {
  /** Random, and the same in every attempt. */
  readonly id: string
  /** `CallbackCommand` of the query, or else of the body; empty if there is none. */
  readonly command: string
  /** Requests of one lane are delivered in order. */
  readonly lane: string
  readonly method: string
  /** What follows the path of webhooks, byte for byte. */
  readonly pathSuffix: string
  /** Byte for byte. */
  readonly query: string
  readonly contentType: string | undefined
  /** Headers that go to the backend besides. */
  readonly forwarded: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly receivedAtMs: number
}

/** Returns how a request that the relay gave up is kept: whole, but for `Sign`. */
export const toQuarantined = (
  { receivedAtMs, method, pathSuffix, query, contentType, body, ...relay }: RelayedRequest,
  reason: string,
): QuarantinedRequest => ({
  receivedAtMs,
  method,
  ...(pathSuffix !== '' && { path: pathSuffix }),
  query: withoutSign(query),
  ...(contentType !== undefined && { contentType }),
  ...encodeBody(body),
  relay,
  reason,
})

/** Returns the request again, without `Sign`. */
export const toRelayed = ({
  receivedAtMs,
  method = 'POST',
  path: pathSuffix = '',
  query,
  contentType,
  relay = { id: '', command: '', lane: '', forwarded: {} },
  ...rest
}: QuarantinedRequest): RelayedRequest => ({
  ...relay,
  receivedAtMs,
  method,
  pathSuffix,
  query,
  contentType,
  body: decodeBody(rest),
})

/** Returns a query without `Sign`, in whatever letters. The rest is the same to the byte. */
const withoutSign = (query: string): string =>
  query
    .split('&')
    .filter((parameter) => [...new URLSearchParams(parameter).keys()][0]?.toLowerCase() !== 'sign')
    .join('&')
