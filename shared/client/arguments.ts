import { sortedPair } from '../conversation.ts'
import { isIdentifier, MAX_IDENTIFIER_BYTES } from '../identifier.ts'
import { isRecord } from '../json.ts'
import { isPosition, plain } from '../position.ts'
import type { Position } from '../position.ts'
import { FEED } from '../room.ts'
import type { Room } from '../room.ts'

const EXPECTED =
  'a room is { group }, { group, topic }, { c2c: [user, user] }, { official } or { feed: true }'

/**
 * Returns the room that is meant, in one spelling: null and empty count as absent, and two users are sorted. Throws a TypeError
 * that names what is wrong.
 */
export function roomOf(value: unknown): Room {
  if (!isRecord(value)) throw new TypeError(`${EXPECTED}, not ${described(value)}`)
  const { group, topic, c2c, official, feed, ...others } = value
  const [other] = Object.keys(others)
  if (other !== undefined) throw new TypeError(`${EXPECTED}; \`${other}\` is none of them`)
  const isFeed = !isAbsent(feed) && feed !== false
  if (isFeed && feed !== true) throw new TypeError(`${EXPECTED}; \`feed\` is ${described(feed)}`)
  const isInGroup = !isAbsent(group) || !isAbsent(topic)
  const kinds = {
    'the feed': isFeed,
    'a group': isInGroup,
    c2c: !isAbsent(c2c),
    official: !isAbsent(official),
  }
  const named = Object.entries(kinds).flatMap(([kind, isThere]) => (isThere ? [kind] : []))
  if (named.length > 1) throw new TypeError(`${EXPECTED}, not ${named.join(' and ')}`)
  if (isFeed) return FEED
  if (kinds.c2c) return { c2c: pairOf(c2c) }
  if (kinds.official) return { official: identifierOf('official', official) }
  if (isAbsent(group)) throw new TypeError(`${EXPECTED}; \`group\` is missing`)
  const names = { group: identifierOf('group', group) }
  return isAbsent(topic) ? names : { ...names, topic: identifierOf('topic', topic) }
}

function pairOf(value: unknown): readonly [string, string] {
  if (!Array.isArray(value) || value.length !== 2)
    throw new TypeError(`${EXPECTED}; \`c2c\` is ${described(value)}`)
  const [one, other] = value as unknown[]
  return sortedPair([identifierOf('c2c', one), identifierOf('c2c', other)])
}

/** Returns where to begin, if a position says so. Throws a TypeError if it is none that a node could have given. */
export function sinceOf(value: unknown): Position | undefined {
  if (value === undefined || value === null) return undefined
  if (isPosition(value)) return plain(value)
  const { epoch, offset } = isRecord(value) ? value : {}
  throw new TypeError(
    `\`since\` is { epoch, offset } as the gateway gave it, not ` +
      `${isRecord(value) ? `{ epoch: ${described(epoch)}, offset: ${described(offset)} }` : described(value)}`,
  )
}

/** Throws a TypeError unless it is a function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(`${name} is a function, not ${described(value)}`)
}

function identifierOf(name: string, value: unknown): string {
  const text = Number.isSafeInteger(value) ? String(value) : value
  if (typeof text === 'string' && isIdentifier(text)) return text
  throw new TypeError(
    `\`${name}\` of a room is printable text of 1 to ${MAX_IDENTIFIER_BYTES} bytes, not ${described(value)}`,
  )
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === ''

/** Short, and of values that cannot be written only their type. */
function described(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `a text of ${value.length} characters` : JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined)
    return String(value)
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}
