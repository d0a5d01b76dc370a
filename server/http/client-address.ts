import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Networks that can be named instead of written. */
const NAMED_NETWORKS: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
  // RFC 6598: clouds address load balancers and containers from it. Whoever comes through such a balancer has an address in it,
  // so it counts as private only where it is named.
  ['shared', ['100.64.0.0/10']],
])

const NETWORK_RULE = `must be addresses, networks (10.0.0.0/8, fc00::/7) or ${[...NAMED_NETWORKS.keys()].join(', ')}`

/** The client of a request whose proxy wrote no address. It is in no network, so nothing is allowed because of it. */
const UNKNOWN = 'unknown'

/** Returns the address of the client that sent a request. */
export type ClientAddress = (request: IncomingMessage) => string

/** Returns whether an address is in one of the networks. */
export type NetworkMatcher = (address: string) => boolean

/**
 * Reads the client's address from X-Forwarded-For, backwards through the trusted proxies: the first address that is not
 * trusted is the client, whatever it claims about others. Takes networks as `createNetworkMatcher` does. Where a trusted proxy
 * wrote something else than an address, the client is `unknown`, never the proxy.
 */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const isTrusted = createNetworkMatcher(trusted)
  return ({ socket, headers }) => {
    const peer = parseAddress(socket.remoteAddress ?? '') ?? UNKNOWN
    const forwarded = headers['x-forwarded-for']
    // This runs for each request and each socket, mostly without any proxy.
    if (forwarded === undefined || trusted.length === 0 || !isTrusted(peer)) return peer
    return readBackwards(forwarded, peer, isTrusted)
  }
}

/** `header` may come from several headers: Node joins them with commas, in order. */
function readBackwards(header: string | readonly string[], peer: string, isTrusted: NetworkMatcher): string {
  const texts = String(header)
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
  let client = peer
  for (const text of texts.toReversed()) {
    client = parseAddress(text) ?? UNKNOWN
    if (!isTrusted(client)) break
  }
  return client
}

/** Returns whether the peer of a request, the last proxy or the client itself, is trusted. */
export function createIsFromProxy(
  trusted: readonly string[],
): (request: Pick<IncomingMessage, 'socket'>) => boolean {
  if (trusted.length === 0) return () => false
  const isTrusted = createNetworkMatcher(trusted)
  return ({ socket }) => isTrusted(parseAddress(socket.remoteAddress ?? '') ?? UNKNOWN)
}

/**
 * Returns an address in the one spelling by which it is compared and counted; undefined for anything else. Takes what proxies
 * write: with a port (`192.0.2.1:4711`, `[2001:db8::1]:4711`), in brackets or quotation marks, with a zone (`fe80::1%eth0`),
 * and IPv4 written as IPv6 (`::ffff:192.0.2.1`).
 */
function parseAddress(text: string): string | undefined {
  // The peers of most connections.
  if (isIP(text) === 4) return text
  const [, bracketed, bare = ''] = /^"?(?:\[([^\]]*)\](?::\d{1,5})?|([^"[\]]*))"?$/.exec(text.trim()) ?? []
  const address = (bracketed ?? bare).replace(/%.*$/, '')
  if (isIP(address) === 6) return canonicalIPv6(address)
  if (isIP(address) === 4) return address
  // Behind the port stands an IPv4 address, or all eight groups of an IPv6 address without brackets.
  const [, withoutPort = ''] = /^(.*):\d{1,5}$/.exec(bracketed === undefined ? address : '') ?? []
  if (isIP(withoutPort) === 4) return withoutPort
  return isIP(withoutPort) === 6 ? canonicalIPv6(withoutPort) : undefined
}

/** An IPv6 address has many spellings. Those that stand for an IPv4 peer of an IPv6 socket are written as IPv4. */
function canonicalIPv6(address: string): string {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical) ?? []
  if (high === undefined || low === undefined) return canonical
  const bytes = [high, low].flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
  return bytes.join('.')
}

/** Returns what counts as one client: an IPv4 address, or the /64 network of an IPv6 address, which belongs to one customer. */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string): string[] => text.split(':').filter((group) => group !== '')
  const zeros = 8 - groups(head).length - groups(tail).length
  return `${[...groups(head), ...Array.from({ length: zeros }, () => '0'), ...groups(tail)].slice(0, 4).join(':')}::/64`
}

/**
 * Returns a predicate: whether an address is in one of the networks. `networks` holds addresses, networks (`10.0.0.0/8`), and
 * the names `loopback`, `linklocal`, `uniquelocal` and `shared`. Throws for anything else, with what would be right.
 */
export function createNetworkMatcher(networks: readonly string[]): NetworkMatcher {
  // A list of the system costs several times as much as comparing numbers, and most addresses are IPv4.
  const ranges: (readonly [first: number, last: number])[] = []
  const list = new BlockList()
  for (const network of networks.flatMap((name) => NAMED_NETWORKS.get(name) ?? [name])) {
    const { address, isIPv4, bits } = parseNetwork(network)
    if (!isIPv4) {
      list.addSubnet(address, bits, 'ipv6')
      continue
    }
    const size = 2 ** (32 - bits)
    const first = Math.floor(numberOf(address) / size) * size
    ranges.push([first, first + size - 1])
  }
  return (address) => {
    const version = isIP(address)
    if (version !== 4) return version === 6 && list.check(address, 'ipv6')
    const number = numberOf(address)
    return ranges.some(([first, last]) => first <= number && number <= last)
  }
}

/** An IPv4 address as the number that it stands for. */
const numberOf = (address: string): number =>
  address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0)

function parseNetwork(network: string) {
  const [, text = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? []
  const version = isIP(text)
  const address = parseAddress(text)
  if (version === 0 || address === undefined) throw new TypeError(NETWORK_RULE)
  const isIPv4 = isIP(address) === 4
  const max = isIPv4 ? 32 : 128
  // An IPv4 network may be written as IPv6.
  const bits = length === undefined ? max : Number(length) - (version === 6 && isIPv4 ? 96 : 0)
  if (bits < 0 || bits > max) throw new TypeError(NETWORK_RULE)
  return { address, isIPv4, bits }
}
