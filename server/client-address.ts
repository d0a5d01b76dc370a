import type { IncomingMessage } from 'node:http'
import proxyAddr from 'proxy-addr'

/** The address that a request comes from. */
export type ClientAddress = (request: IncomingMessage) => string

/**
 * Reads addresses from X-Forwarded-For as far as the proxies that wrote it are trusted: one that is not trusted is itself
 * the client, whatever it claims. `trusted` holds addresses, networks (`10.0.0.0/8`), and `loopback`, `linklocal` or
 * `uniquelocal`; throws when one of them is something else.
 */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const isTrusted = proxyAddr.compile([...trusted])
  return (request) => withoutMapping(proxyAddr(request, isTrusted) ?? '')
}

/** An IPv4 peer on an IPv6 socket, written as it is meant. */
const withoutMapping = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')
