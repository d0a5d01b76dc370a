import Joi from 'joi'
import { identifier } from '../lib/schema.ts'

/** What all processes of an app must know at once; it goes through the broker. */
export type Announcement =
  /** An admin took a room, a group with its topics, or without a group everything, from a user. */
  | {
      readonly kind: 'revoked'
      readonly userId: string
      readonly group?: string
      readonly topic?: string
      /** In ms since 1970. */
      readonly untilMs: number
    }
  /** Users left a group, or without users: the group is gone. What was answered of memberships is out of date. */
  | { readonly kind: 'membership-ended'; readonly group: string; readonly userIds?: readonly string[] }

/** Users in one announcement, so that it stays as short as the broker wants it. */
const USERS_PER_ANNOUNCEMENT = 10

const schema = Joi.alternatives<Announcement>(
  Joi.object({
    kind: Joi.valid('revoked').required(),
    userId: identifier.required(),
    group: identifier,
    topic: identifier,
    untilMs: Joi.number().integer().min(0).required(),
  }).with('topic', 'group'),
  Joi.object({
    kind: Joi.valid('membership-ended').required(),
    group: identifier.required(),
    userIds: Joi.array().items(identifier).min(1).max(USERS_PER_ANNOUNCEMENT),
  }),
)

export const encodeAnnouncement = (announcement: Announcement): string => JSON.stringify(announcement)

/** Undefined for what this version does not know: processes of another one may announce it. */
export function decodeAnnouncement(text: string): Announcement | undefined {
  try {
    const { value, error } = schema.validate(JSON.parse(text))
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}

/** The announcements that tell of these users of a group, or without users of a group that is gone. */
export function membershipEnds(group: string, userIds?: readonly string[]): string[] {
  if (userIds === undefined) return [encodeAnnouncement({ kind: 'membership-ended', group })]
  const texts: string[] = []
  for (let i = 0; i < userIds.length; i += USERS_PER_ANNOUNCEMENT) {
    const some = userIds.slice(i, i + USERS_PER_ANNOUNCEMENT)
    texts.push(encodeAnnouncement({ kind: 'membership-ended', group, userIds: some }))
  }
  return texts
}
