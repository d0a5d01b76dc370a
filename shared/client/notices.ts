import type {
  C2cConversation,
  Conversation,
  GroupConversation,
  OfficialConversation,
} from '../conversation.ts'
import type * as messages from '../message.ts'
import type * as notices from '../notice.ts'
import type { Feed, Room } from '../room.ts'

/** What of `All` is told in a room: of its kind of conversation; in the feed, of any. */
export type ToldIn<All, R extends Room> = R extends Conversation
  ? All extends (
      R extends GroupConversation
        ? GroupConversation
        : R extends C2cConversation
          ? C2cConversation
          : OfficialConversation
    )
    ? // Not an intersection of both lists: the methods of such are those of the first.
      Omit<All, 'messages'> & { readonly messages: readonly RecalledMessage<R>[] }
    : never
  : ToldIn<All, Conversation>

/**
 * A notice as delivered to members of a room: `offset`, its place in the log (1, 2, 3 …); the conversation, as `group` and perhaps
 * `topic`, `c2c`, or `official`; the recalled `messages`; and `recalledAtMs`, in ms since 1970. Never who recalled them.
 */
export type MemberNotice<R extends Room = GroupConversation> = ToldIn<notices.MemberNotice, R>

/** A notice as delivered to admins in a room: a whole `Recall`, and `offset`, its place in the log. */
export type Notice<R extends Room = GroupConversation> = ToldIn<notices.Notice, R>

/**
 * Receives each notice of a room once, in order: `Notice` as an admin, `MemberNotice` otherwise. If it returns a promise, the
 * next notice waits for it. If it throws, or the promise rejects, it receives the same notice again after a backoff; other
 * listeners do not wait for it.
 */
export type NoticeListener<R extends Room = GroupConversation> = {
  // Of methods, TypeScript accepts those that expect less: a listener that only knows groups may follow any room.
  call(notice: Notice<R> | MemberNotice<R>): unknown
}['call']

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
