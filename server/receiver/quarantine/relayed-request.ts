import { decodeBody, encodeBody } from './quarantine.ts'
import type { QuarantinedRequest } from './quarantine.ts'

/** A request that goes to the app's backend. */
export interface RelayedRequest {
  readonly method: string
  /** What stands behind the path of webhooks. */
  readonly path: string
  readonly query: string
  readonly contentType?: string | undefined
  readonly body: Buffer
  readonly receivedAtMs: number
}

/** Returns how a request that the relay gave up is kept: whole, but for `Sign`. */
export const toQuarantined = (
  { receivedAtMs, method, path, query, contentType, body }: RelayedRequest,
  reason: string,
): QuarantinedRequest => ({
  receivedAtMs,
  method,
  ...(path !== '' && { path }),
  query: withoutSign(query),
  ...(contentType !== undefined && { contentType }),
  ...encodeBody(body),
  reason,
})

/** Returns the request again, without `Sign`. */
export const toRelayed = ({
  receivedAtMs,
  method = 'POST',
  path = '',
  query,
  contentType,
  ...rest
}: QuarantinedRequest): RelayedRequest => ({
  receivedAtMs,
  method,
  path,
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
