import { expect } from 'chai'
import { toRecall } from '../../server/receiver/commands/group-recall.ts'
import { RECALL_SAMPLES } from '../support/provider-samples.ts'
import { recallBody } from '../support/webhook.ts'

const CONTEXT = { receivedAtMs: 1_700_000_000_000, platform: 'iOS', address: '203.0.113.7' }
const parse = (fields: Readonly<Record<string, unknown>>) => toRecall(recallBody(fields), CONTEXT)

describe('recall webhook', () => {
  for (const [edition, body] of Object.entries(RECALL_SAMPLES)) {
    it(`accepts the documented body ${edition}`, () => {
      const recall = toRecall(body, CONTEXT)
      expect(recall.group).to.equal(body.GroupId)
      expect(recall.messages.map(({ seq }) => seq)).to.deep.equal([130])
      expect(recall.topic).to.equal('TopicId' in body ? body.TopicId : undefined)
    })
  }

  it('becomes a recall with all its fields', () => {
    expect(
      toRecall(RECALL_SAMPLES['of 2025, with message ids and the time as a number'], CONTEXT),
    ).to.deep.equal({
      group: '1213456',
      topic: '@TGS#_@TGS#cQVLVHIM62CJ@TOPIC#_TestTopic',
      groupType: 'Community',
      operator: 'admin',
      messages: [{ seq: 130, id: '144115213033478435-1739361321-2512805311' }],
      recalledAtMs: 1670574414123,
      receivedAtMs: 1_700_000_000_000,
      platform: 'iOS',
      address: '203.0.113.7',
    })
  })

  it('is untimed, with the time of receipt, when EventTime is missing or empty', () => {
    for (const EventTime of [undefined, null, '', 0]) {
      expect(parse({ EventTime })).to.include({ untimed: true, recalledAtMs: CONTEXT.receivedAtMs })
    }
    expect(parse({ EventTime: '1670574414123' }))
      .to.include({ recalledAtMs: 1670574414123 })
      .and.not.have.property('untimed')
  })

  it('has no topic, type or operator when they are missing, null or empty', () => {
    for (const empty of [undefined, null, '']) {
      const recall = parse({ TopicId: empty, Type: empty, Operator_Account: empty })
      expect(recall).to.not.have.any.keys('topic', 'groupType', 'operator')
    }
  })

  it('tolerates unknown fields, types and platforms', () => {
    expect(parse({ Type: 'Live', InviteOption: 1, __proto__: null }).groupType).to.equal('Live')
  })

  it('accepts identifiers with any printable character', () => {
    const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join('')
    for (const GroupId of [printable, '群组 🎉', ' ', '__proto__', 'a*[b]?{c}', 'e'.repeat(256)]) {
      expect(parse({ GroupId }).group).to.equal(GroupId)
    }
  })

  it('accepts 1,000 messages, and drops duplicates', () => {
    const MsgSeqList = Array.from({ length: 1_000 }, (_, i) => ({ MsgSeq: i + 1 }))
    expect(parse({ MsgSeqList }).messages).to.have.length(1_000)
    expect(parse({ MsgSeqList: [{ MsgSeq: 7, MsgId: 'a' }, { MsgSeq: 7 }] }).messages).to.deep.equal([
      { seq: 7, id: 'a' },
    ])
  })

  it('accepts the largest exact MsgSeq', () => {
    expect(parse({ MsgSeqList: [{ MsgSeq: Number.MAX_SAFE_INTEGER }] }).messages[0]?.seq).to.equal(
      Number.MAX_SAFE_INTEGER,
    )
  })

  const INVALID: [field: string, fields: Readonly<Record<string, unknown>>][] = [
    ['GroupId', { GroupId: undefined }],
    ['GroupId', { GroupId: 42 }],
    ['GroupId', { GroupId: '' }],
    ['GroupId', { GroupId: 'a\nb' }],
    ['GroupId', { GroupId: 'a\u0000' }],
    ['GroupId', { GroupId: '\ud800' }],
    ['GroupId', { GroupId: 'é'.repeat(129) }],
    ['TopicId', { TopicId: {} }],
    ['Operator_Account', { Operator_Account: ['a'] }],
    ['MsgSeqList', { MsgSeqList: undefined }],
    ['MsgSeqList', { MsgSeqList: null }],
    ['MsgSeqList', { MsgSeqList: [] }],
    ['MsgSeqList', { MsgSeqList: Array.from({ length: 1_001 }, (_, i) => ({ MsgSeq: i + 1 })) }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [{}] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [{ MsgSeq: 0 }] }],
    ['MsgSeqList[1].MsgSeq', { MsgSeqList: [{ MsgSeq: 1 }, { MsgSeq: 1.5 }] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [{ MsgSeq: 2 ** 53 }] }],
    ['MsgSeqList[0].MsgId', { MsgSeqList: [{ MsgSeq: 1, MsgId: 5 }] }],
    ['MsgSeqList[0]', { MsgSeqList: [130] }],
    ['EventTime', { EventTime: 'yesterday' }],
    ['EventTime', { EventTime: -1 }],
    ['EventTime', { EventTime: 8.64e15 + 1 }],
    ['EventTime', { EventTime: '9007199254740991' }],
    ['EventTime', { EventTime: true }],
  ]
  for (const [field, fields] of INVALID) {
    it(`is refused naming ${field} for ${String(JSON.stringify(fields)).slice(0, 60)}`, () => {
      expect(() => parse(fields))
        .to.throw(`"${field}"`)
        .with.property('code', 'WEBHOOK_MALFORMED')
    })
  }

  it('is refused naming every invalid field', () => {
    expect(() => parse({ GroupId: '', EventTime: 'x' })).to.throw(/"GroupId".*"EventTime"/)
  })
})
