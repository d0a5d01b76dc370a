import type { RelayedRequest } from '../relay/relayed-request.ts'
import { decodeBody, encodeBody } from './quarantine.ts'
import type { QuarantinedRequest } from './quarantine.ts'

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
