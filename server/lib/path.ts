/** What a path in its usual spelling does not contain: an encoded character, an empty or dot segment, a slash at the end. */
const UNUSUAL = /%|\/\/|\/\.|.\/$/

/**
 * Returns the path of a URL in one spelling: encoded characters decoded, empty and dot segments resolved, without a slash at
 * the end. Letter case is part of a path, and stays.
 */
export function normalizePath(path: string): string {
  if (!UNUSUAL.test(path)) return path
  const segments: string[] = []
  for (const segment of decode(path).split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}`
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
