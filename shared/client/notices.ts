import type {
  C2cConversation,
  Conversation,
  GroupConversation,
  OfficialConversation,
} from '../conversation.ts'
import type * as messages from '../message.ts'
import type * as notices from '../notice.ts'
import type { Feed, Room } from '../room.ts'

/** What is told in a room is of its kind of conversation; in the feed, of any. */
type Within<All, R extends Room> = R extends GroupConversation
  ? In<All, GroupConversation, messages.NumberedMessage>
  : R extends C2cConversation
    ? In<All, C2cConversation, messages.KeyedMessage>
    : R extends OfficialConversation
      ? In<All, OfficialConversation, messages.KeyedMessage>
      : Within<All, Conversation>

/** Not an intersection of both lists: of such, the methods would be those of the first. */
type In<All, C extends Conversation, Message> = All extends C
  ? Omit<All, 'messages'> & { readonly messages: readonly Message[] }
  : never

/** A notice as delivered to members of a room: which messages were recalled, and when. Never who recalled them. */
export type MemberNotice<R extends Room = GroupConversation> = Within<notices.MemberNotice, R>

/** A notice as delivered to admins in a room: a recall, and its place in the log. */
export type Notice<R extends Room = GroupConversation> = Within<notices.Notice, R>

/**
 * Receives each notice of a room once, in order: `Notice` as an admin, `MemberNotice` otherwise. If it returns a promise, the
 * next notice waits for it. If it throws, or the promise rejects, it receives the same notice again after a backoff; other
 * listeners do not wait for it.
 */
export type NoticeListener<R extends Room = GroupConversation> = (
  notice: Notice<R> | MemberNotice<R>,
) => unknown

/** What names a message: its `seq` in a group, its `key` in any other conversation. */
export type MessageName<C extends Conversation = GroupConversation> = C extends GroupConversation
  ? number
  : string

/** A message in the recalled set of a conversation. */
export type RecalledAt<C extends Conversation = GroupConversation> = Extract<
  messages.RecalledAt,
  C extends GroupConversation ? { readonly seq: number } : { readonly key: string }
>

/** One recalled message of a room. */
export type RecalledMessage<R extends Room = GroupConversation> = R extends Feed
  ? messages.RecalledMessage
  : R extends GroupConversation
    ? messages.NumberedMessage
    : messages.KeyedMessage
