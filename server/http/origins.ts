import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { GatewayError } from '../../shared/errors.ts'

/** Returns whether a page of the origin that a request names may use the gateway. */
export type OriginCheck = (request: IncomingMessage) => boolean

/** Proxies that may each have added a name; bounds the work on a forged header. */
const MAX_HOPS = 8
/** The longest part of a header that a refusal quotes. */
const MAX_QUOTED = 256

/**
 * Allows the gateway's own origin, and `allowed`: origins as `parseAllowedOrigin` returns them, or `*` for any. Programs other
 * than browsers send no `Origin` and are allowed: their credential decides what they may see. `isFromProxy` returns whether a
 * trusted proxy sent the request, so that its X-Forwarded-Host and X-Forwarded-Port count.
 */
export function createOriginCheck(
  allowed: readonly string[],
  isFromProxy: (request: IncomingMessage) => boolean,
): OriginCheck {
  const exact = new Set(allowed.filter((origin) => !origin.includes('*')))
  const domains = allowed.filter((origin) => origin.includes('://*.')).map((origin) => origin.split('*'))
  const allowsAny = allowed.includes('*')
  return (request) => {
    const { origin: sent } = request.headers
    if (sent === undefined || allowsAny) return true
    const origin = normalizeOrigin(sent)
    if (origin === undefined) return false
    if (exact.has(origin)) return true
    if (domains.some(([start = '', end = '']) => isBetween(origin, start, end))) return true
    return hostsOf(request.headers, isFromProxy(request)).some((host) => origin === originOf(origin, host))
  }
}

/** Names the origin, and the host that the gateway took for its own. */
export function originRefusal({ origin = '', host = '' }: IncomingHttpHeaders): GatewayError {
  const quote = (text: string): string => text.slice(0, MAX_QUOTED)
  const detail = `${quote(origin)} is neither in CORS_ORIGINS nor the host of this request, ${quote(host)}`
  return new GatewayError('ORIGIN_REFUSED', detail)
}

const isBetween = (text: string, start: string, end: string): boolean =>
  text.length > start.length + end.length && text.startsWith(start) && text.endsWith(end)

/** The names by which a browser may know the gateway. */
function hostsOf(headers: IncomingHttpHeaders, isFromProxy: boolean): string[] {
  const hosts = [headers.host ?? '']
  if (!isFromProxy) return hosts
  // A page cannot send these headers with a WebSocket, nor without being asked first elsewhere.
  const forwarded = listOf(headers['x-forwarded-host'])
  const ports = listOf(headers['x-forwarded-port'])
  const named = [...hosts, ...forwarded]
  const withPorts = named.flatMap((host) =>
    /:\d+$/.test(host) ? [] : ports.map((port) => `${host}:${port}`),
  )
  return [...named, ...withPorts]
}

const listOf = (header: string | readonly string[] | undefined): string[] =>
  header === undefined
    ? []
    : String(header)
        .split(',', MAX_HOPS)
        .map((text) => text.trim())

/** The origin of a page at `host`, with the scheme of `like`: the gateway does not know whether a proxy terminates TLS. */
const originOf = (like: string, host: string): string | undefined =>
  /^[^\s/?#@\\]+$/.test(host) ? normalizeOrigin(`${like.slice(0, like.indexOf(':'))}://${host}`) : undefined

/**
 * Returns an origin in the one spelling by which it is compared: lower case, without the default port, a trailing dot or a
 * trailing slash, names in ASCII, IPv6 shortened. Undefined for what is no origin. `null` is the origin of sandboxed pages
 * and files.
 */
function normalizeOrigin(text: string): string | undefined {
  if (text === 'null') return text
  const [, scheme = '', host] = /^([a-z][a-z0-9+.-]*):\/\/([^\s/?#@\\*,]*)\/?$/i.exec(text) ?? []
  if (host === undefined) return undefined
  const name = scheme.toLowerCase()
  if (name !== 'http' && name !== 'https') return `${name}://${host.toLowerCase()}`
  try {
    const url = new URL(`${name}://${host.replace(/\.(?=:\d*$|$)/, '')}`)
    return url.hostname === '' ? undefined : url.origin
  } catch {
    return undefined
  }
}

/**
 * Returns an entry of a list of allowed origins in the spelling that `createOriginCheck` takes: `*`, an origin of any scheme,
 * `null`, or `https://*.example.com` for every name below a domain. Throws a TypeError that says what would be right if no
 * browser could ever send it.
 */
export function parseAllowedOrigin(text: string): string {
  if (text === '*') return text
  if (/^wss?:/i.test(text)) throw new TypeError('must have the scheme of the page, https, not wss')
  if (!text.includes('://') && text !== 'null')
    throw new TypeError('must be * or start with a scheme, as in https://app.example.com')
  if (!text.includes('*')) {
    const origin = normalizeOrigin(text)
    if (origin !== undefined) return origin
    throw new TypeError('must be scheme, host and perhaps port, without path, as in https://app.example.com')
  }
  const [, scheme = '', domain = ''] = /^(https?:\/\/)\*\.([^*]+)$/i.exec(text) ?? []
  const origin = domain === '' ? undefined : normalizeOrigin(`${scheme}sub.${domain}`)
  if (origin !== undefined) return origin.replace('://sub.', '://*.')
  throw new TypeError('may have * alone, or as the whole first label, as in https://*.example.com')
}
