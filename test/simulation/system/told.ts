import type { MemberNotice, Notice } from '../../../shared/notice.ts'

/** What the history keeps of a notice. */
export const toldOf = (notice: Notice | MemberNotice) => ({
  offset: notice.offset,
  group: notice.group,
  ...(notice.topic !== undefined && { topic: notice.topic }),
  seqs: notice.messages.map(({ seq }) => seq),
  recalledAtMs: notice.recalledAtMs,
  hasOperator: 'operator' in notice,
})
