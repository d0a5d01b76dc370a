import { isRecord } from '../../shared/json.ts'

/** The names that lead to a value in the claims of a token, from the outside in. */
export type ClaimPath = readonly string[]

const MAX_PATH_CHARACTERS = 256
const MAX_NAMES = 8

/**
 * Parses `realm_access.roles`: names separated by dots. `\.` is a dot in a name. A URL without any `\.` is one name, as some providers
 * require for claims of one's own: `https://example.com/roles`. Throws a TypeError that says what is right.
 */
export function parseClaimPath(text: string): ClaimPath {
  const isUrl = /^https?:\/\//.test(text)
  const names =
    isUrl && !text.includes('\\.')
      ? [text]
      : text.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.'))
  if (text.length > MAX_PATH_CHARACTERS || names.length > MAX_NAMES || names.includes(''))
    throw new TypeError(
      `must be the name of a claim, or names separated by dots, such as realm_access.roles: at most ${MAX_NAMES}, none of them empty (\\. is a dot in a name)`,
    )
  return names
}

/** The inverse of `parseClaimPath`, for messages. */
export const formatClaimPath = (path: ClaimPath): string =>
  path.length === 1 ? String(path[0]) : path.map((name) => name.replaceAll('.', '\\.')).join('.')

/**
 * Returns what stands there; undefined if nothing does. Of a list of objects, the values of all of them. Looks at own properties
 * alone, so that no name leads to what every object inherits.
 */
export function claimAt(claims: unknown, path: ClaimPath): unknown {
  let value = claims
  for (const name of path)
    value = Array.isArray(value) ? value.flatMap((item) => own(item, name) ?? []) : own(value, name)
  return value
}

const own = (value: unknown, name: string): unknown =>
  isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
