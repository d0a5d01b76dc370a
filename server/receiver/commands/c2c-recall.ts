import { sortedPair } from '../../../shared/conversation.ts'
import type { RecallCommand } from './recall-command.ts'

/**
 * A message of a conversation of two. The body does not say who recalled it. Its old form has `UnreadMsgNum`, which the gateway has
 * no use for, and no time.
 * Source: Tencent Cloud Chat, "Callback After Recalling One-to-One Messages", documents 43466 and 269/61697.
 */
export const c2cRecall: RecallCommand = {
  name: 'C2C.CallbackAfterMsgWithDraw',

  read(fields) {
    const from = fields.required('From_Account')
    const to = fields.required('To_Account')
    const key = fields.required('MsgKey')
    return {
      conversation: from === undefined || to === undefined ? undefined : { c2c: sortedPair([from, to]) },
      messages: key === undefined ? [] : [{ key }],
      details: { ...(from !== undefined && { sender: from }) },
    }
  },

  write({ c2c, sender, messages }) {
    if (c2c === undefined) return undefined
    const [one, other] = c2c
    return {
      From_Account: sender ?? one,
      To_Account: sender === other ? one : other,
      MsgKey: messages[0]?.key,
    }
  },
}
