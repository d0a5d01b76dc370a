import { expect } from 'chai'
import { RECALL_COMMANDS, recallCommand } from '../../server/receiver/commands/recall-commands.ts'
import { TEST_PARAMETER, toRecalls, toWebhook } from '../../server/receiver/recalls.ts'
import { isRecord } from '../../shared/json.ts'
import {
  ALL_RECALL_SAMPLES,
  C2C_RECALL_SAMPLES,
  OFFICIAL_ACCOUNT_RECALL_SAMPLES,
} from '../support/provider-samples.ts'

const CONTEXT = { receivedAtMs: 1_700_000_000_000, platform: 'iOS', address: '203.0.113.7' }
const C2C = C2C_RECALL_SAMPLES['of a conversation of two, with a time']
const OFFICIAL = OFFICIAL_ACCOUNT_RECALL_SAMPLES['of an official account']

type Sample = Readonly<Record<string, unknown>> & { readonly CallbackCommand: string }

function understand(body: Sample) {
  const command = recallCommand(body.CallbackCommand)
  if (command === undefined) throw new Error('no command has this name')
  const { recalls, leftOut } = toRecalls(command, body, CONTEXT)
  const [recall] = recalls
  if (recall === undefined) throw new Error('there is no recall')
  return { recall, recalls, leftOut }
}

describe('recall commands', () => {
  it('are told apart by their names', () => {
    expect(new Set(RECALL_COMMANDS.map(({ name }) => name)).size).to.equal(RECALL_COMMANDS.length)
    for (const command of RECALL_COMMANDS) expect(recallCommand(command.name)).to.equal(command)
    for (const other of ['', 'Group.CallbackAfterSendMsg', 'group.callbackafterrecallmsg', 'toString'])
      expect(recallCommand(other)).to.equal(undefined)
  })

  for (const [edition, body] of Object.entries(ALL_RECALL_SAMPLES)) {
    it(`make a recall of the documented body ${edition}, and that body of the recall again`, () => {
      const { recall, leftOut } = understand(body)
      expect(leftOut).to.equal(undefined)
      const webhook = toWebhook(recall, '14')
      expect(new URLSearchParams(webhook.query).get('CallbackCommand')).to.equal(body.CallbackCommand)
      const again: unknown = JSON.parse(webhook.body)
      if (!isRecord(again)) throw new Error('the body is no object')
      // The gateway has no use for the number of unread messages.
      const { UnreadMsgNum, EventTime, ...used }: Readonly<Record<string, unknown>> = body
      const time = EventTime === undefined ? {} : { EventTime: Number(EventTime) }
      expect(again).to.deep.equal({ ...used, ...time })
      expect(UnreadMsgNum).to.be.oneOf([undefined, 7])
    })
  }

  it('make a recall of both users, whoever sent the message', () => {
    const there = understand(C2C).recall
    expect(there).to.deep.equal({
      c2c: ['Jonh', 'jared'],
      sender: 'jared',
      messages: [{ key: '48374_2837546_1557481126' }],
      recalledAtMs: 1670574414123,
      receivedAtMs: CONTEXT.receivedAtMs,
      platform: 'iOS',
      address: '203.0.113.7',
    })
    const back = understand({ ...C2C, From_Account: 'Jonh', To_Account: 'jared' }).recall
    expect(back).to.deep.equal({ ...there, sender: 'Jonh' })
    expect(JSON.parse(toWebhook(back, '14').body)).to.include({ From_Account: 'Jonh', To_Account: 'jared' })
  })

  it('make a recall of notes to oneself', () => {
    const { recall } = understand({ ...C2C, To_Account: 'jared' })
    expect(recall.c2c).to.deep.equal(['jared', 'jared'])
    expect(JSON.parse(toWebhook(recall, '14').body)).to.include({
      From_Account: 'jared',
      To_Account: 'jared',
    })
  })

  it('keep the mark of a test in the webhook of the quarantine', () => {
    const recall = {
      group: 'g',
      messages: [{ seq: 1 }],
      recalledAtMs: 5,
      receivedAtMs: 7,
      test: true,
    } as const
    expect(new URLSearchParams(toWebhook(recall, '1').query).get(TEST_PARAMETER)).to.equal('true')
    expect(toWebhook({ ...recall, test: undefined as never }, '1').query).to.not.include(TEST_PARAMETER)
  })

  it('make an untimed recall of a body without a time', () => {
    const { recall } = understand(
      C2C_RECALL_SAMPLES['of a conversation of two, with a number of unread messages'],
    )
    expect(recall).to.include({ untimed: true, recalledAtMs: CONTEXT.receivedAtMs })
  })

  it('make a recall of each message of an official account once', () => {
    const keys = ['71_1_1', '72_2_2', '71_1_1', 3]
    const { recall } = understand({ ...OFFICIAL, WithdrawMsgList: keys.map((MsgKey) => ({ MsgKey })) })
    expect(recall).to.deep.include({
      official: '#TOA#_123',
      messages: [{ key: '71_1_1' }, { key: '72_2_2' }, { key: '3' }],
    })
  })

  it('make several recalls of more than 1,000 messages of an official account', () => {
    const WithdrawMsgList = Array.from({ length: 1_001 }, (_, i) => ({ MsgKey: `${i}_1_1` }))
    const { recalls } = understand({ ...OFFICIAL, WithdrawMsgList })
    expect(recalls.map(({ messages }) => messages.length)).to.deep.equal([1_000, 1])
  })

  it('leave out the entries of an official account that make no sense, and say which', () => {
    const WithdrawMsgList = [null, { MsgKey: 'a_1_1' }, { MsgKey: {} }]
    const { recall, leftOut } = understand({ ...OFFICIAL, WithdrawMsgList })
    expect(recall.messages).to.deep.equal([{ key: 'a_1_1' }])
    expect(leftOut).to.match(/"WithdrawMsgList\[0\].MsgKey".*"WithdrawMsgList\[2\].MsgKey"/)
  })

  const UNCLEAR: [field: string, body: Sample][] = [
    ['From_Account', { ...C2C, From_Account: '' }],
    ['To_Account', { ...C2C, To_Account: undefined }],
    ['To_Account', { ...C2C, To_Account: 'a\nb' }],
    ['MsgKey', { ...C2C, MsgKey: null }],
    ['MsgKey', { ...C2C, MsgKey: 'x'.repeat(257) }],
    ['Official_Account', { ...OFFICIAL, Official_Account: [] }],
    ['WithdrawMsgList', { ...OFFICIAL, WithdrawMsgList: {} }],
    ['WithdrawMsgList[0].MsgKey', { ...OFFICIAL, WithdrawMsgList: [{ MsgSeq: 1 }] }],
  ]
  for (const [field, body] of UNCLEAR) {
    it(`refuse ${body.CallbackCommand} naming ${field} for ${JSON.stringify(body).slice(-60)}`, () => {
      expect(() => understand(body))
        .to.throw(`"${field}"`)
        .with.property('code', 'WEBHOOK_MALFORMED')
    })
  }
})
