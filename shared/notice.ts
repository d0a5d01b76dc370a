import type { Recall, RecalledMessage } from './recall.ts'

/** A recall as it stands in the log of a room, and as admins see it. */
export interface Notice extends Recall {
  /** Place in the log of the room: 1, 2, 3 … */
  readonly offset: number
}

/** What members see of a notice: which messages are gone, and when. Never who did it, or from where. */
export interface MemberNotice {
  readonly offset: number
  readonly group: string
  readonly topic?: string
  readonly messages: readonly RecalledMessage[]
  readonly recalledAtMs: number
}

/** Names each field that members may see, so that a field added to `Notice` stays hidden until someone decides. */
export function toMemberNotice(notice: Notice): MemberNotice {
  return {
    offset: notice.offset,
    group: notice.group,
    ...(notice.topic !== undefined && { topic: notice.topic }),
    messages: notice.messages,
    recalledAtMs: notice.recalledAtMs,
  }
}
