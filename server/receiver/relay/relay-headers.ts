import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Names the app whose gateway has relayed a request. */
export const RELAYED_HEADER = 'Recall-Gateway'
/** Counts attempts from the second on: the backend may have got the request before. */
export const ATTEMPT_HEADER = 'Recall-Gateway-Attempt'

/** Passed on as they came. Others could name secrets, which would be stored, or ask for what the gateway does not pass back. */
const PASSED = [
  'User-Agent',
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'X-Request-Id',
  'Traceparent',
] as const
const MAX_PASSED_LENGTH = 1_024
/** More proxies stand before no gateway: the nearest ones count. */
const MAX_PROXIES = 20

/** Whether the peer of a request is a proxy whose headers are trusted. */
export type IsFromProxy = (request: Pick<IncomingMessage, 'socket'>) => boolean

/** Whether a request has been through a gateway of this app. */
export const isRelayed = ({ headers }: IncomingMessage, app: string): boolean =>
  headers[RELAYED_HEADER.toLowerCase()] === app

/** Returns the headers that tell the backend who called the gateway, and some of what the caller sent. */
export function forwardedHeaders(request: IncomingMessage, isFromProxy: IsFromProxy): Record<string, string> {
  const { headers } = request
  const socket = request.socket as Partial<TLSSocket>
  const arrived = (name: string): string => {
    const value = headers[name]
    return isTrusted && value !== undefined ? String(value) : ''
  }
  const isTrusted = isFromProxy(request)
  const peer = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '')
  const ownProto = socket.encrypted === true ? 'https' : 'http'
  const proto = firstOf(arrived('x-forwarded-proto')) || ownProto
  const host = firstOf(arrived('x-forwarded-host')) || (headers.host ?? '')
  const before = listOf(arrived('x-forwarded-for'))
  const addresses = [...before, peer].slice(-MAX_PROXIES)
  // A proxy that writes the one header may pass on the other as its client claimed it.
  const elements = before.length > 0 ? [] : listOf(arrived('forwarded')).slice(-MAX_PROXIES)
  const ownElement = elementOf(peer, { host: headers.host ?? '', proto: ownProto })
  const forwarded = {
    'X-Forwarded-For': addresses.join(', '),
    'X-Forwarded-Proto': proto,
    ...(host !== '' && { 'X-Forwarded-Host': host }),
    Forwarded:
      elements.length > 0
        ? [...elements, ownElement].join(', ')
        : addresses.map((address, i) => elementOf(address, i === 0 ? { host, proto } : {})).join(', '),
  }
  const passed = PASSED.flatMap((name): [string, string][] => {
    const value = headers[name.toLowerCase()]
    return typeof value === 'string' && value.length <= MAX_PASSED_LENGTH ? [[name, value]] : []
  })
  return { ...forwarded, ...Object.fromEntries(passed) }
}

const listOf = (header: string): string[] =>
  header
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')

const firstOf = (header: string): string => listOf(header)[0] ?? ''

/** An element of `Forwarded` (RFC 7239). The first one says how the client reached the first proxy. */
function elementOf(address: string, { host = '', proto = '' }: { host?: string; proto?: string }): string {
  const node = isIP(address) === 6 ? `"[${address}]"` : isIP(address) === 4 ? address : quoted(address)
  const parts = [`for=${node}`]
  if (host !== '') parts.push(`host=${quoted(host)}`)
  if (proto !== '') parts.push(`proto=${quoted(proto)}`)
  return parts.join(';')
}

const quoted = (text: string): string =>
  /^[\w.~-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
