import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'
import proxyAddr from 'proxy-addr'

/** Loopback, private and link-local networks. */
export const PRIVATE_NETWORKS = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]

/** Returns the address of the client that sent a request. */
export type ClientAddress = (request: IncomingMessage) => string

/**
 * Reads the client's address from X-Forwarded-For, backwards through the trusted proxies: the first address that is not
 * trusted is the client, whatever it claims about others. `trusted` holds addresses, networks (`10.0.0.0/8`), and `loopback`,
 * `linklocal` or `uniquelocal`. Throws for anything else.
 */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  // This runs for each request and each socket, mostly without any proxy.
  if (trusted.length === 0) return ({ socket }) => withoutMapping(socket.remoteAddress ?? '')
  const isTrusted = proxyAddr.compile([...trusted])
  return (request) => withoutMapping(proxyAddr(request, isTrusted) ?? '')
}

/** Returns whether the peer of a request, the last proxy or the client itself, is trusted. */
export function createIsFromProxy(
  trusted: readonly string[],
): (request: Pick<IncomingMessage, 'socket'>) => boolean {
  if (trusted.length === 0) return () => false
  const isTrusted = proxyAddr.compile([...trusted])
  return ({ socket }) => isTrusted(withoutMapping(socket.remoteAddress ?? ''), 0)
}

/** Writes the address of an IPv4 peer on an IPv6 socket as IPv4. */
const withoutMapping = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

/** Returns what counts as one client: an IPv4 address, or the /64 network of an IPv6 address, which belongs to one customer. */
export function clientNetwork(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string): string[] => text.split(':').filter((group) => group !== '')
  const zeros = 8 - groups(head).length - groups(tail).length
  return `${[...groups(head), ...Array.from({ length: zeros }, () => '0'), ...groups(tail)].slice(0, 4).join(':')}::/64`
}

/**
 * Returns a predicate: whether an address is in one of the networks. `networks` holds addresses and networks (`10.0.0.0/8`).
 * Throws for anything else.
 */
export function createNetworkMatcher(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = familyOf(address)
    if (family === undefined) throw new TypeError('neither an address nor a network')
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, /^\d{1,3}$/.test(bits) ? Number(bits) : -1, family)
  }
  return (address) => {
    const family = familyOf(address)
    return family !== undefined && list.check(address, family)
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address)
  if (version === 0) return undefined
  return version === 4 ? 'ipv4' : 'ipv6'
}
