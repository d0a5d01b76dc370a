import Joi from 'joi'
import type { Conversation } from '../../shared/conversation.ts'
import { conversationKeys } from '../lib/conversation-schema.ts'
import { identifier } from '../lib/schema.ts'

/** A change of access that every process of the app must learn of, sent through the broker. */
export type Announcement =
  | Revoked
  | Returned
  /** Users left a group; without users, the group was dismissed. Cached memberships are out of date. */
  | { readonly kind: 'membership-ended'; readonly group: string; readonly userIds?: readonly string[] }

/** An admin revoked a user's access to a conversation, of a group with its topics, or without one to everything. */
interface Revoked extends Where {
  readonly kind: 'revoked'
  readonly userId: string
  /** In ms since 1970. */
  readonly untilMs: number
}

/**
 * An admin gave the access back that orders about exactly this conversation, or about everything, had taken. Versions before this one ignore
 * it. It names the orders, so that it ends no later one if it is read again.
 */
interface Returned extends Where {
  readonly kind: 'returned'
  readonly userId: string
  /** `untilMs` of each order. */
  readonly ends: readonly number[]
}

/** A conversation, or none. */
export interface Where {
  readonly group?: string | undefined
  readonly topic?: string | undefined
  readonly c2c?: readonly [string, string] | undefined
  readonly official?: string | undefined
}

/** Returns which conversation somebody may no longer follow; undefined for everything. */
export function revokedIn({ group, topic, c2c, official }: Where): Conversation | undefined {
  if (c2c !== undefined) return { c2c }
  if (official !== undefined) return { official }
  if (group === undefined) return undefined
  return topic === undefined ? { group } : { group, topic }
}

/** Keep one announcement within the size limit of the broker. */
export const MAX_RETURNED = 100
const MAX_USERS_PER_ANNOUNCEMENT = 10

const schema = Joi.alternatives<Announcement>(
  Joi.object({
    kind: Joi.valid('revoked').required(),
    userId: identifier.required(),
    ...conversationKeys(),
    untilMs: Joi.number().integer().min(0).required(),
  })
    .oxor('group', 'c2c', 'official')
    .with('topic', 'group'),
  Joi.object({
    kind: Joi.valid('returned').required(),
    userId: identifier.required(),
    ...conversationKeys(),
    ends: Joi.array().items(Joi.number().integer().min(0)).min(1).max(MAX_RETURNED).required(),
  })
    .oxor('group', 'c2c', 'official')
    .with('topic', 'group'),
  Joi.object({
    kind: Joi.valid('membership-ended').required(),
    group: identifier.required(),
    userIds: Joi.array().items(identifier).min(1).max(MAX_USERS_PER_ANNOUNCEMENT),
  }),
)

export const encodeAnnouncement = (announcement: Announcement): string => JSON.stringify(announcement)

/** Returns the encoded announcements that these users left a group, or without users that the group was dismissed. */
export function encodeMembershipEnd(group: string, userIds?: readonly string[]): string[] {
  if (userIds === undefined) return [encodeAnnouncement({ kind: 'membership-ended', group })]
  const encoded: string[] = []
  for (let i = 0; i < userIds.length; i += MAX_USERS_PER_ANNOUNCEMENT) {
    const batch = userIds.slice(i, i + MAX_USERS_PER_ANNOUNCEMENT)
    encoded.push(encodeAnnouncement({ kind: 'membership-ended', group, userIds: batch }))
  }
  return encoded
}

/**
 * Returns undefined for an announcement this version does not know: processes of another version may send it. Keys that it does
 * not know are left out, so that it revokes too much rather than nothing.
 */
export function decodeAnnouncement(text: string): Announcement | undefined {
  try {
    const { value, error } = schema.validate(JSON.parse(text), { stripUnknown: true })
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}
