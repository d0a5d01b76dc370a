/** A group, or one topic of a community group. `MsgSeq` counts within it. */
export interface GroupConversation {
  /** Tencent's `GroupId`. */
  readonly group: string
  /** Tencent's `TopicId`. Undefined counts as absent. */
  readonly topic?: string | undefined
  readonly c2c?: undefined
  readonly official?: undefined
}

/** The one-to-one conversation of two users, which Tencent calls C2C. */
export interface C2cConversation {
  /** The ids of the two, sorted by code unit. The same twice for a user's notes to self. */
  readonly c2c: readonly [string, string]
  readonly group?: undefined
  readonly topic?: undefined
  readonly official?: undefined
}

/** What an official account, also called official channel, broadcasts to its subscribers. */
export interface OfficialConversation {
  /** Tencent's `Official_Account`. */
  readonly official: string
  readonly group?: undefined
  readonly topic?: undefined
  readonly c2c?: undefined
}

/** Where messages are. Exactly one of `group`, `c2c` and `official` is there. */
export type Conversation = GroupConversation | C2cConversation | OfficialConversation

/** Returns two ids in the order that conversations of two have them in. */
export const sortedPair = ([one, other]: readonly [string, string]): readonly [string, string] =>
  one <= other ? [one, other] : [other, one]

/** Returns where a recall, a request or a room is, without whatever else it holds. */
export function conversationOf({ group, topic, c2c, official }: Conversation): Conversation {
  if (c2c !== undefined) return { c2c }
  if (official !== undefined) return { official }
  return topic === undefined ? { group } : { group, topic }
}

/** Whether the room of the first conversation carries the recalls of the second: a group covers its topics. */
export function covers(one: Conversation, other: Conversation): boolean {
  if (one.group !== undefined)
    return one.group === other.group && (one.topic === undefined || one.topic === other.topic)
  if (one.official !== undefined) return one.official === other.official
  if (one.c2c === undefined || other.c2c === undefined) return false
  const [first, second] = sortedPair(other.c2c)
  const own = sortedPair(one.c2c)
  return own[0] === first && own[1] === second
}
