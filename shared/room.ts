import type { Conversation } from './recall.ts'

/**
 * What one subscribes to: a group room (the group and all its topics), a topic room (that topic alone), or the feed
 * (every recall of the app).
 */
export type Room = Conversation | Feed

export interface Feed {
  readonly feed: true
}

export const FEED: Feed = { feed: true }

export const isFeed = (room: Room): room is Feed => 'feed' in room

/** The rooms that a recall in this conversation goes to: its topic room if it has a topic, its group room, the feed. */
export function roomsOf(conversation: Conversation): readonly Room[] {
  const { group, topic } = conversation
  return topic === undefined ? [{ group }, FEED] : [{ group, topic }, { group }, FEED]
}

/**
 * The room as one string that no other room shares, made of letters, digits and `% : - _ . ! ~ ' ( )` only, so that it
 * is safe inside a Redis key, a channel, a glob pattern or a log line, whatever the identifiers hold.
 * Throws a URIError for text with a lone surrogate, which the checks at the door refuse.
 */
export function roomName(room: Room): string {
  if (isFeed(room)) return 'feed'
  return room.topic === undefined
    ? `group:${encode(room.group)}`
    : `topic:${encode(room.group)}:${encode(room.topic)}`
}

const encode = (identifier: string): string => encodeURIComponent(identifier).replaceAll('*', '%2A')
