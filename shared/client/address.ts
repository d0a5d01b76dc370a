import { SOCKET_PATH } from '../limits.ts'

const PROTOCOLS = ['http:', 'https:', 'ws:', 'wss:']
const ABSOLUTE = /^[a-z][a-z\d+.-]*:/i
const RELATIVE = /^\.{0,2}\//
const EXAMPLE = 'such as https://recalls.example.com'

/** The parts of an absolute address, for where `URL` has none: scheme, user, host with port, path, query, fragment. */
const PARTS = /^([a-z][a-z\d+.-]*:)\/\/(?:([^/?#@]*)@)?([^/?#@\\\s]+)([^?#]*)(\?[^#]*)?(#.*)?$/i

type Parts = Pick<URL, 'protocol' | 'host' | 'pathname' | 'username' | 'password' | 'search' | 'hash'>

/** Where the gateway's Socket.IO server is. */
interface GatewayAddress {
  /** Scheme, host and port. */
  readonly origin: string
  /** Below it. */
  readonly path: string
}

/**
 * Returns where to connect to, for the `url` of the client. A path is where a proxy serves the gateway. Without `url`, it is
 * the origin of the page; `/recall` or `./` are relative to the page. Throws a TypeError for what cannot be a gateway's
 * address. The error does not repeat it, because it could contain a secret.
 */
export function gatewayAddress(url: string | undefined, page = pageAddress()): GatewayAddress {
  const { protocol, host, pathname, username, password, search, hash } = parse(url, page)
  if (username !== '' || password !== '')
    throw wrong('contains a user name or a password; credentials go to `auth` or `getToken`')
  if (search !== '' || hash !== '') throw wrong('has a part that begins with ? or #')
  if (/\/socket\.io\/*$/.test(pathname)) throw wrong('ends in /socket.io, which the client adds')
  return { origin: `${protocol}//${host}`, path: `${pathname.replace(/\/+$/, '')}${SOCKET_PATH}` }
}

function parse(url: string | undefined, page: string | undefined): Parts {
  // Absent has three spellings in a page's script.
  if (!url) {
    const own = page === undefined ? undefined : tryParse('/', page)
    if (own === undefined || !PROTOCOLS.includes(own.protocol))
      throw wrong('is missing, and needed outside a page that the gateway serves')
    return own
  }
  // Text such as `recalls.example.com` would be a file beside the page.
  if (!ABSOLUTE.test(url) && !(RELATIVE.test(url) && page !== undefined))
    throw wrong('has no https:// or http://')
  // A page's address changes nothing in an absolute one.
  const parsed = tryParse(url, page)
  if (parsed === undefined) throw wrong('is not a valid address')
  if (!PROTOCOLS.includes(parsed.protocol))
    throw wrong(`starts with ${parsed.protocol} instead of https:// or http:// (or wss://, ws://)`)
  return parsed
}

function tryParse(url: string, page?: string): Parts | undefined {
  let parsed: URL
  try {
    // `URL.canParse` is younger than the browsers that the client runs in.
    parsed = new URL(url, page)
  } catch {
    return undefined
  }
  try {
    const { protocol, host, pathname, username, password, search, hash } = parsed
    return { protocol, host, pathname, username, password, search, hash }
  } catch {
    // React Native before 0.80 has a `URL` whose parts are "not implemented", and throw.
    return partsOf(url)
  }
}

function partsOf(url: string): Parts | undefined {
  const [, protocol, username = '', host, pathname = '', search = '', hash = ''] = PARTS.exec(url) ?? []
  if (protocol === undefined || host === undefined) return undefined
  return {
    protocol: protocol.toLowerCase(),
    host: host.toLowerCase(),
    pathname,
    username,
    password: '',
    search,
    hash,
  }
}

const wrong = (what: string): TypeError =>
  new TypeError(`\`url\` of a recall client ${what}; it is the address of the gateway, ${EXAMPLE}`)

/** The address of the page or worker; undefined in Node. */
const pageAddress = (): string | undefined =>
  (globalThis as { readonly location?: { readonly href: string } }).location?.href
