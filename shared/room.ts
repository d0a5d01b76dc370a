import type { Conversation } from './recall.ts'

/**
 * The unit of subscription: a group room (the group and all its topics), a topic room (only that topic), or the feed (every
 * recall of the app, for admins).
 */
export type Room = Conversation | Feed

/** Every recall of the app, for admins. */
export interface Feed {
  /** Distinguishes it from a group. */
  readonly feed: true
}

export const FEED: Feed = { feed: true }

export const isFeed = (room: Room): room is Feed => 'feed' in room

/** The rooms that receive a recall in this conversation: its topic room if it has a topic, its group room, the feed. */
export function roomsOf(conversation: Conversation): readonly Room[] {
  const { group, topic } = conversation
  return topic === undefined ? [{ group }, FEED] : [{ group, topic }, { group }, FEED]
}

/**
 * The room's unique name: `feed`, `group:<group>` or `topic:<group>:<topic>`. It consists of letters, digits and
 * `% : - _ . ! ~ ' ( )` only, so that it is safe inside a Redis key, a channel, a glob pattern or a log line, whatever the
 * identifiers contain. Throws a URIError for a lone surrogate; `isIdentifier` rules those out.
 */
export function roomName(room: Room): string {
  if (isFeed(room)) return 'feed'
  return room.topic === undefined
    ? `group:${encode(room.group)}`
    : `topic:${encode(room.group)}:${encode(room.topic)}`
}

const encode = (identifier: string): string => encodeURIComponent(identifier).replaceAll('*', '%2A')
