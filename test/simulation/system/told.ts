import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import { seqsOf } from '../../support/seqs.ts'

/** What the history keeps of a notice. */
export const toldOf = (notice: Notice | MemberNotice) => ({
  offset: notice.offset,
  group: notice.group ?? '',
  ...(notice.topic !== undefined && { topic: notice.topic }),
  seqs: seqsOf(notice.messages),
  recalledAtMs: notice.recalledAtMs,
  hasOperator: 'operator' in notice,
})
