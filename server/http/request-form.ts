import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../../shared/errors.ts'

/** May be empty (RFC 9112, section 3.2). */
const HOST = /^(\[[\da-f:.]+\]|[^\s"#%,/:<>?@[\\\]^`{|}]*)(:\d*)?$/i

/**
 * Returns why a request is refused that Node has parsed, but that two servers could read in two ways; undefined for any other.
 * Rewrites a target that also names the host, as requests to a proxy do, to the path alone.
 */
export function checkForm(request: IncomingMessage): GatewayError | undefined {
  const { headers, httpVersionMajor, httpVersionMinor, rawHeaders } = request
  if (httpVersionMajor !== 1 || httpVersionMinor > 1)
    return malformed('the version must be HTTP/1.1 or HTTP/1.0')
  const hosts = countHosts(rawHeaders)
  if (hosts > 1) return malformed('there must be one Host header')
  if (hosts === 0 && httpVersionMinor === 1) return malformed('the Host header is missing')
  if (!HOST.test(headers.host ?? '')) return malformed('Host must be a name or address, and perhaps a port')
  const encoding = headers['transfer-encoding']
  if (encoding !== undefined && httpVersionMinor === 0) return malformed('HTTP/1.0 has no Transfer-Encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked')
    return malformed('Transfer-Encoding must be chunked')
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return malformed('Expect must be 100-continue')
  return toOriginForm(request)
}

/** The name in the target takes precedence over the Host header (RFC 9112, section 3.2.2). */
function toOriginForm(request: IncomingMessage): GatewayError | undefined {
  const { url = '' } = request
  if (url.startsWith('/') || url === '*') return undefined
  const [, host, rest = ''] = /^https?:\/\/([^/?#@]+)(.*)$/is.exec(url) ?? []
  if (host === undefined) return malformed('the target must be a path')
  request.headers.host = host
  request.url = rest.startsWith('/') ? rest : `/${rest}`
  return undefined
}

/** Node keeps only the first of several. */
function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}

const malformed = (detail: string) => new GatewayError('REQUEST_MALFORMED', detail)
