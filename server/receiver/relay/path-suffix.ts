import { normalizePath } from '../../lib/path.ts'

/**
 * Returns what follows the path of webhooks in the path of a request, byte for byte: '' or '/…'. Undefined if the request is for
 * another path. Several slashes at its beginning are one, as everywhere else: more look like the beginning of a host.
 */
export function suffixBehind(path: string, pathname: string): string | undefined {
  if (pathname === path) return ''
  const rest = path === '/' ? pathname : restBehind(path, pathname)
  if (rest === undefined) return normalizePath(pathname) === path ? '' : undefined
  const suffix = rest.replace(/^\/+/, '/')
  return path === '/' && suffix === '/' ? '' : suffix
}

/** Returns what follows a path that may be written with more slashes; undefined if something else is there. */
function restBehind(path: string, pathname: string): string | undefined {
  let end = 0
  for (const segment of path.split('/').slice(1)) {
    if (pathname[end] !== '/') return undefined
    while (pathname[end] === '/') end++
    if (!pathname.startsWith(segment, end)) return undefined
    end += segment.length
  }
  return end === pathname.length || pathname[end] === '/' ? pathname.slice(end) : undefined
}

/**
 * Whether a backend, or a proxy before it, could read a path as one that leads out of the place where it is appended: dot segments,
 * however they are encoded, backslashes, and what begins like a host.
 */
export function leadsAway(suffix: string): boolean {
  if (suffix === '') return false
  // Some decode twice.
  const spellings = [suffix, decode(suffix), decode(decode(suffix))]
  return spellings.some(
    (spelling) =>
      // oxlint-disable-next-line no-control-regex
      /[\\\u0000-\u001f]/.test(spelling) ||
      spelling.startsWith('//') ||
      // Of some servers, a segment ends with its parameters.
      spelling.split('/').some((segment) => /^\.\.?(;|$)/.test(segment)),
  )
}

/** Byte by byte, so that what is no UTF-8 hides nothing. */
const decode = (text: string): string =>
  text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** Returns the target of a request to the backend. */
export const targetOf = (basePath: string, suffix: string, query: string): string => {
  const path = suffix === '' ? basePath : basePath.replace(/\/$/, '') + suffix
  return query === '' ? path : `${path}?${query}`
}
