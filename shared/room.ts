import { conversationOf, sortedPair } from './conversation.ts'
import type { Conversation } from './conversation.ts'
import { isIdentifier } from './identifier.ts'

/**
 * The unit of subscription: a group room (the group and all its topics), a topic room (only that topic), the room of a conversation
 * of two, that of an official account, or the feed (every recall of the app, for admins).
 */
export type Room = (Conversation & { readonly feed?: undefined }) | Feed

/** Every recall of the app, for admins. */
export interface Feed {
  /** Distinguishes it from a conversation. */
  readonly feed: true
  readonly group?: undefined
  readonly topic?: undefined
  readonly c2c?: undefined
  readonly official?: undefined
}

export const FEED: Feed = { feed: true }

export const isFeed = (room: Room): room is Feed => room.feed === true

/** The rooms that receive a recall in this conversation: its own, that of the group of a topic, the feed. */
export function roomsOf(conversation: Conversation): readonly Room[] {
  const { group, topic } = conversation
  return topic === undefined ? [conversationOf(conversation), FEED] : [{ group, topic }, { group }, FEED]
}

/**
 * The room's unique name: `feed`, `group:<group>`, `topic:<group>:<topic>`, `c2c:<user>:<user>` or `official:<account>`. It consists
 * of letters, digits and `% : - _ . ! ~ ' ( )` only, so that it is safe inside a Redis key, a channel, a glob pattern or a log line,
 * whatever the identifiers contain. Throws a URIError for a lone surrogate; `isIdentifier` rules those out.
 */
export function roomName(room: Room): string {
  if (isFeed(room)) return 'feed'
  const { group, topic, c2c, official } = room
  if (c2c !== undefined) return `c2c:${sortedPair(c2c).map(encode).join(':')}`
  if (official !== undefined) return `official:${encode(official)}`
  // Joined, these take half the memory of a template: there they would stay in parts as long as they live.
  return (topic === undefined ? ['group', encode(group)] : ['topic', encode(group), encode(topic)]).join(':')
}

/** Returns the room of this name; undefined for any text that names none. */
export function parseRoomName(name: string): Room | undefined {
  const [kind, ...encoded] = name.split(':')
  const [one, other] = encoded.map(decode)
  if (encoded.length === 0) return kind === 'feed' ? FEED : undefined
  if (one === undefined) return undefined
  if (encoded.length === 1) {
    if (kind === 'official') return { official: one }
    return kind === 'group' ? { group: one } : undefined
  }
  if (encoded.length !== 2 || other === undefined) return undefined
  if (kind === 'c2c') return { c2c: sortedPair([one, other]) }
  return kind === 'topic' ? { group: one, topic: other } : undefined
}

function decode(encoded: string): string | undefined {
  try {
    const identifier = decodeURIComponent(encoded)
    return isIdentifier(identifier) ? identifier : undefined
  } catch {
    return undefined
  }
}

const encode = (identifier: string): string => encodeURIComponent(identifier).replaceAll('*', '%2A')
