import type { KeyedMessage } from '../../../shared/message.ts'
import type { RecallCommand } from './recall-command.ts'

/**
 * Messages that an official account, now called official channel, sent to its subscribers. Nobody is named who recalled them.
 * Source: Tencent Cloud Chat, "Callback After Recalling Official Account Messages", documents 60805 and 269/102325.
 */
export const officialAccountRecall: RecallCommand = {
  name: 'OfficialAccount.CallbackAfterMsgWithDraw',

  read(fields) {
    const official = fields.required('Official_Account')
    const byKey = new Map<string, KeyedMessage>()
    for (const entry of fields.list('WithdrawMsgList')) {
      const key = entry.required('MsgKey')
      if (key !== undefined) byKey.set(key, { key })
    }
    return {
      conversation: official === undefined ? undefined : { official },
      messages: [...byKey.values()],
      details: {},
    }
  },

  write: ({ official, messages }) =>
    official === undefined
      ? undefined
      : { Official_Account: official, WithdrawMsgList: messages.map(({ key }) => ({ MsgKey: key })) },
}
