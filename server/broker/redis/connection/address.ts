export type RedisMode = 'single' | 'sentinel' | 'cluster'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Credentials {
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** Which Redis the gateway uses, and how to find the server that holds its keys. */
export interface RedisEndpoint extends Credentials {
  /** `single`: the server is given. `sentinel`: sentinels know it. `cluster`: every node knows it. */
  readonly mode: RedisMode
  /** The one server, or the sentinels or nodes to ask. */
  readonly seeds: readonly [Address, ...Address[]]
  /** Credentials of the sentinels, where they have their own. */
  readonly sentinel?: Credentials
  readonly tls: boolean
  readonly db: number
}

/** Returns the address of the server that holds the keys now. Rejects when none of those asked knows it. */
export type Locate = () => Promise<Address>

const DEFAULT_PORTS: Readonly<Record<RedisMode, number>> = { single: 6_379, sentinel: 26_379, cluster: 6_379 }

/** Parses REDIS_URL, which has been validated. Credentials, TLS and database of the first URL apply to all. */
export function parseRedisUrl(urls: string, mode: RedisMode): RedisEndpoint {
  const [first = '', ...others] = mode === 'single' ? [urls] : urls.split(',')
  const { username, password, protocol, pathname } = new URL(first.trim())
  return {
    mode,
    seeds: [toSeed(first, mode), ...others.map((url) => toSeed(url, mode))],
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    tls: protocol === 'rediss:',
    db: Number(pathname.slice(1)) || 0,
  }
}

function toSeed(url: string, mode: RedisMode): Address {
  const { hostname, port } = new URL(url.trim())
  return {
    host: hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: port === '' ? DEFAULT_PORTS[mode] : Number(port),
  }
}

export const textOf = ({ host, port }: Address): string => `${host}:${port}`
