import type { Recall, RecalledMessage } from './recall.ts'

/** A recall as an entry in the log of a room, and as delivered to admins. */
export interface Notice extends Recall {
  /** The entry's place in the log of the room: 1, 2, 3 … */
  readonly offset: number
}

/** A notice as delivered to members: which messages were recalled, and when. Never who recalled them, or from where. */
export interface MemberNotice {
  /** The entry's place in the log of the room: 1, 2, 3 … */
  readonly offset: number
  /** The group of the messages. */
  readonly group: string
  /** The topic of the messages, in a community group with topics. */
  readonly topic?: string
  /** The recalled messages. */
  readonly messages: readonly RecalledMessage[]
  /** When the recall happened, in ms since 1970. */
  readonly recalledAtMs: number
}

/** Lists every field that members may see, so that a field added to `Notice` stays hidden until it is added here. */
export function toMemberNotice(notice: Notice): MemberNotice {
  return {
    offset: notice.offset,
    group: notice.group,
    ...(notice.topic !== undefined && { topic: notice.topic }),
    messages: notice.messages,
    recalledAtMs: notice.recalledAtMs,
  }
}
