import { conversationOf } from './conversation.ts'
import type { Conversation } from './conversation.ts'
import type { RecalledMessage } from './message.ts'
import type { Recall } from './recall.ts'

/** A recall as an entry in the log of a room, and as delivered to admins. */
export type Notice = Recall & {
  /** The entry's place in the log of the room: 1, 2, 3 … */
  readonly offset: number
}

/** A notice as delivered to members: which messages were recalled, and when. Never who recalled them, or from where. */
export type MemberNotice = Conversation & {
  /** The entry's place in the log of the room: 1, 2, 3 … */
  readonly offset: number
  /** The recalled messages. */
  readonly messages: readonly RecalledMessage[]
  /** When the recall happened, in ms since 1970. */
  readonly recalledAtMs: number
}

/** Lists every field that members may see, so that a field added to `Notice` stays hidden until it is added here. */
export function toMemberNotice(notice: Notice): MemberNotice {
  const { offset, messages, recalledAtMs } = notice
  return { offset, ...conversationOf(notice), messages, recalledAtMs }
}
