/** The kind of deployment behind REDIS_URL. */
export type RedisMode = 'single' | 'sentinel' | 'cluster'

/**
 * Returns what is right, after the name of the setting, or undefined if nothing is wrong. Refuses what would have no effect.
 * The sentence contains no part of the value: it may hold a password.
 */
export function problemOfRedisUrl(value: string, mode: RedisMode): string | undefined {
  const texts = mode === 'single' ? [value] : value.split(',').map((text) => text.trim())
  const urls = texts.map(parse)
  if (!urls.every((url) => url !== undefined))
    return 'must be written redis://user:password@host:port, or rediss:// for TLS, with special characters percent-encoded (%23 for #)'
  const [first] = urls
  return (
    urls.map((url) => problemOf(url, mode)).find((problem) => problem !== undefined) ??
    (first && differencesFrom(first, urls))
  )
}

function parse(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && ['redis:', 'rediss:'].includes(url.protocol) ? url : undefined
}

function problemOf(
  { username, password, pathname, search, hash, hostname }: URL,
  mode: RedisMode,
): string | undefined {
  if (hostname.includes(',')) return 'must be one URL: several need REDIS_MODE sentinel or cluster'
  if (hash !== '') return 'must have # in the user and password percent-encoded (%23)'
  if (search !== '') return 'must not contain ?: nothing after it has an effect (in a password it is %3F)'
  if (!isDecodable(username + password)) return 'must have % in the user and password percent-encoded (%25)'
  if (!/^\/?\d*$/.test(pathname))
    return 'must have nothing but the number of the database after the host, as in redis://host/2'
  if (mode === 'cluster' && Number(pathname.slice(1)) > 0)
    return 'must not name a database: a cluster has only database 0'
  return undefined
}

/** Credentials, TLS and database of the first URL apply to all: others must be the same, or left out. */
function differencesFrom(first: URL, urls: readonly URL[]): string | undefined {
  for (const url of urls) {
    if (url.protocol !== first.protocol)
      return 'must begin with redis:// in all URLs, or with rediss:// in all'
    const differs = (['username', 'password'] as const).some(
      (name) => url[name] !== '' && url[name] !== first[name],
    )
    if (differs) return 'must contain the user and password in the first URL only'
    if (url.pathname.length > 1 && url.pathname !== first.pathname)
      return 'must contain the database in the first URL only'
  }
  return undefined
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
