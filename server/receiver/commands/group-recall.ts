import type { NumberedMessage } from '../../../shared/message.ts'
import type { Fields } from '../fields.ts'
import type { RecallCommand, RecalledThere } from './recall-command.ts'

/**
 * Messages of a group, or of a topic.
 * Source: Tencent Cloud Chat, "Callback After Recalling Group Messages", documents 46979 and 269/73141.
 */
export const groupRecall: RecallCommand = {
  name: 'Group.CallbackAfterRecallMsg',

  read(fields) {
    const group = fields.required('GroupId')
    const topic = fields.optional('TopicId')
    // A seq means nothing without its conversation.
    const isAddressed = group !== undefined && !fields.isOdd('TopicId')
    const messages = messagesOf(fields)
    const groupType = fields.optional('Type')
    const operator = fields.optional('Operator_Account')
    return {
      conversation: isAddressed ? { group, ...(topic !== undefined && { topic }) } : undefined,
      messages,
      details: detailsOf(groupType, operator),
    }
  },

  write: ({ group, topic, groupType, operator, messages }) =>
    group === undefined
      ? undefined
      : {
          Operator_Account: operator,
          Type: groupType,
          GroupId: group,
          TopicId: topic,
          MsgSeqList: messages.map(({ seq, id }) => ({ MsgSeq: seq, MsgId: id })),
        },
}

/** Without what is undefined. Four literals cost a twentieth of conditional spreads. */
function detailsOf(groupType: string | undefined, operator: string | undefined): RecalledThere['details'] {
  if (groupType === undefined) return operator === undefined ? {} : { operator }
  return operator === undefined ? { groupType } : { groupType, operator }
}

function messagesOf(fields: Fields): NumberedMessage[] {
  const bySeq = new Map<number, NumberedMessage>()
  for (const entry of fields.list('MsgSeqList')) {
    const seq = entry.number('MsgSeq', Number.MAX_SAFE_INTEGER)
    const id = entry.optional('MsgId')
    if (seq !== undefined && !bySeq.has(seq)) bySeq.set(seq, id === undefined ? { seq } : { seq, id })
  }
  return [...bySeq.values()]
}
