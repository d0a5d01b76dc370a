import { hash } from 'node:crypto'

/**
 * The link that stands beside an entry of a log. It holds the hash of the one before it, so that no entry can be changed, left
 * out or moved without every later link. Entries that the last release stored have none.
 */
export interface Link {
  /** SHA-1, in hexadecimal; see `linkOf`. */
  readonly link: string
  /** When the store kept the entry, by its own clock, in ms since 1970. */
  readonly keptAtMs: number
  /** Present if a chain begins with this entry: the epoch of the log. Nothing is proved of what is before it. */
  readonly epoch?: string
}

/** What a link covers, besides all that is before it. */
interface Linked {
  readonly offset: number
  readonly keptAtMs: number
  /** Indices of the messages that were new, separated by commas; empty if all were. */
  readonly subset: string
  /** SHA-256 of the whole entry as it was encoded, in hexadecimal. */
  readonly digest: string
}

export const digestOf = (text: string): string => hash('sha256', text)

/** What the first link of a chain has in the place of the link before it. */
export const beginning = (epoch: string): string => `epoch ${epoch}`

/**
 * Returns the link of an entry. `previous` is the link before it, or `beginning`. Scripts in Redis know only SHA-1. Its known
 * collisions need blocks that were made for them, and everything that somebody else can choose is in the digest.
 */
export const linkOf = (previous: string, { offset, keptAtMs, subset, digest }: Linked): string =>
  hash('sha1', `${previous}:${offset}:${keptAtMs}:${subset}:${digest}`)

/** Parses `<link>:<ms>` or `<link>:<ms>:<epoch>`, as the publish script stores a link. Undefined for anything else. */
export function parseLink(text: string): Link | undefined {
  const [, link, keptAtMs, epoch] = /^([0-9a-f]{40}):(\d{1,16})(?::([\w-]{1,64}))?$/.exec(text) ?? []
  if (link === undefined) return undefined
  return { link, keptAtMs: Number(keptAtMs), ...(epoch !== undefined && { epoch }) }
}
