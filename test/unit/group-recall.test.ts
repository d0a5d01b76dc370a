import { expect } from 'chai'
import { groupRecall } from '../../server/receiver/commands/group-recall.ts'
import { toRecalls, toWebhook } from '../../server/receiver/recalls.ts'
import { RECALL_SAMPLES } from '../support/provider-samples.ts'
import { recallBody } from '../support/webhook.ts'

const CONTEXT = { receivedAtMs: 1_700_000_000_000, platform: 'iOS', address: '203.0.113.7' }
type Fields = Readonly<Record<string, unknown>>
/** Parses a body of which everything makes sense. */
const parseWhole = (body: Fields) => {
  const { recalls, leftOut } = toRecalls(groupRecall, body, CONTEXT)
  expect(leftOut).to.equal(undefined)
  expect(recalls).to.have.length(1)
  return only(recalls)
}
const only = <T>([first]: readonly T[]): T => {
  if (first === undefined) throw new Error('there is none')
  return first
}
const parse = (fields: Fields) => parseWhole(recallBody(fields))

describe('recall webhook', () => {
  for (const [edition, body] of Object.entries(RECALL_SAMPLES)) {
    it(`accepts the documented body ${edition}`, () => {
      const recall = parseWhole(body)
      expect(recall.group).to.equal(body.GroupId)
      expect(recall.messages.map(({ seq }) => seq)).to.deep.equal([130])
      expect(recall.topic).to.equal('TopicId' in body ? body.TopicId : undefined)
    })
  }

  it('becomes a recall with all its fields', () => {
    expect(parseWhole(RECALL_SAMPLES['of 2025, with message ids and the time as a number'])).to.deep.equal({
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
    for (const EventTime of [undefined, null, '', 0, '0']) {
      expect(parse({ EventTime })).to.include({ untimed: true, recalledAtMs: CONTEXT.receivedAtMs })
    }
    expect(parse({ EventTime: '1670574414123' }))
      .to.include({ recalledAtMs: 1670574414123 })
      .and.not.have.property('untimed')
  })

  it('has no topic, type, operator or message id when they are missing, null or empty', () => {
    for (const empty of [undefined, null, '']) {
      const MsgSeqList = [{ MsgSeq: 1, MsgId: empty }]
      const recall = parse({ TopicId: empty, Type: empty, Operator_Account: empty, MsgSeqList })
      expect(recall).to.not.have.any.keys('topic', 'groupType', 'operator')
      expect(recall.messages).to.deep.equal([{ seq: 1 }])
    }
  })

  it('takes a whole number for its digits where text is documented, and digits for a number', () => {
    const MsgSeqList = [{ MsgSeq: '7', MsgId: 8 }]
    expect(parse({ GroupId: 12, TopicId: 13, Type: 14, Operator_Account: 15, MsgSeqList })).to.deep.include({
      group: '12',
      topic: '13',
      groupType: '14',
      operator: '15',
      messages: [{ seq: 7, id: '8' }],
    })
  })

  it('takes a number however it is written', () => {
    const MsgSeqList: unknown = JSON.parse('[{"MsgSeq":1e2},{"MsgSeq":3.0}]')
    expect(parse({ MsgSeqList }).messages).to.deep.equal([{ seq: 100 }, { seq: 3 }])
  })

  it('tolerates unknown fields, types and platforms', () => {
    expect(parse({ Type: 'Live', InviteOption: 1, __proto__: null }).groupType).to.equal('Live')
  })

  it('accepts identifiers with any printable character, and those that a font does not show', () => {
    const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join('')
    for (const GroupId of [
      printable,
      '群组 🎉',
      ' ',
      '__proto__',
      'a*[b]?{c}',
      'e'.repeat(256),
      'a\u202Eb\u200B',
    ])
      expect(parse({ GroupId }).group).to.equal(GroupId)
  })

  it('accepts 1,000 messages, and drops duplicates', () => {
    const MsgSeqList = Array.from({ length: 1_000 }, (_, i) => ({ MsgSeq: i + 1 }))
    expect(parse({ MsgSeqList }).messages).to.have.length(1_000)
    expect(parse({ MsgSeqList: [{ MsgSeq: 7, MsgId: 'a' }, { MsgSeq: 7 }] }).messages).to.deep.equal([
      { seq: 7, id: 'a' },
    ])
  })

  it('with more than 1,000 messages becomes several recalls, and loses none', () => {
    const MsgSeqList = Array.from({ length: 2_001 }, (_, i) => ({ MsgSeq: i + 1 }))
    const { recalls, leftOut } = toRecalls(
      groupRecall,
      recallBody({ MsgSeqList: [...MsgSeqList, { MsgSeq: 1 }] }),
      CONTEXT,
    )
    expect(leftOut).to.equal(undefined)
    expect(recalls.map(({ messages }) => messages.length)).to.deep.equal([1_000, 1_000, 1])
    expect(recalls.flatMap(({ messages }) => messages)).to.deep.equal(
      MsgSeqList.map(({ MsgSeq: seq }) => ({ seq })),
    )
    expect(recalls[2]).to.deep.include({ group: '@TGS#1', operator: 'admin', recalledAtMs: 1670574414123 })
  })

  it('accepts the largest exact MsgSeq', () => {
    expect(parse({ MsgSeqList: [{ MsgSeq: Number.MAX_SAFE_INTEGER }] }).messages[0]?.seq).to.equal(
      Number.MAX_SAFE_INTEGER,
    )
  })

  const UNCLEAR: [field: string, fields: Fields][] = [
    ['GroupId', { GroupId: undefined }],
    ['GroupId', { GroupId: 1.5 }],
    ['GroupId', { GroupId: 2 ** 53 }],
    ['GroupId', { GroupId: '' }],
    ['GroupId', { GroupId: 'a\nb' }],
    ['GroupId', { GroupId: 'a\u0000' }],
    ['GroupId', { GroupId: '\ud800' }],
    ['GroupId', { GroupId: 'a\uFFFD' }],
    ['GroupId', { GroupId: 'a\uFFFF' }],
    ['GroupId', { GroupId: 'é'.repeat(129) }],
    ['TopicId', { TopicId: {} }],
    ['MsgSeqList', { MsgSeqList: undefined }],
    ['MsgSeqList', { MsgSeqList: null }],
    ['MsgSeqList', { MsgSeqList: [] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [{}] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [{ MsgSeq: 0 }] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [{ MsgSeq: 2 ** 53 }] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [{ MsgSeq: '1e2' }] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [130] }],
  ]
  for (const [field, fields] of UNCLEAR) {
    it(`is refused naming ${field} for ${String(JSON.stringify(fields)).slice(0, 60)}`, () => {
      expect(() => parse(fields))
        .to.throw(`"${field}"`)
        .with.property('code', 'WEBHOOK_MALFORMED')
    })
  }

  it('is refused naming every invalid field', () => {
    expect(() => parse({ GroupId: '', EventTime: 'x' })).to.throw(/"GroupId".*"EventTime"/)
  })

  const PARTLY_CLEAR: [leftOut: string, fields: Fields][] = [
    ['Operator_Account', { Operator_Account: ['a'] }],
    ['Type', { Type: {} }],
    ['MsgSeqList[1].MsgSeq', { MsgSeqList: [{ MsgSeq: 130 }, { MsgSeq: 1.5 }] }],
    ['MsgSeqList[0].MsgSeq', { MsgSeqList: [null, { MsgSeq: 130 }] }],
    ['MsgSeqList[0].MsgId', { MsgSeqList: [{ MsgSeq: 130, MsgId: 2 ** 60 }] }],
    ['EventTime', { EventTime: 'yesterday' }],
    ['EventTime', { EventTime: -1 }],
    ['EventTime', { EventTime: 8.64e15 + 1 }],
    ['EventTime', { EventTime: '9007199254740991' }],
    ['EventTime', { EventTime: true }],
  ]
  for (const [field, fields] of PARTLY_CLEAR) {
    it(`is delivered without ${field} for ${String(JSON.stringify(fields)).slice(0, 60)}`, () => {
      const { recalls, leftOut } = toRecalls(groupRecall, recallBody(fields), CONTEXT)
      expect(only(recalls).messages).to.deep.equal([{ seq: 130 }])
      expect(leftOut).to.include(`"${field}"`)
    })
  }

  it('names a few of many oddities, and counts the rest', () => {
    const MsgSeqList = [{ MsgSeq: 1 }, ...Array.from({ length: 900 }, () => ({}))]
    const { leftOut } = toRecalls(groupRecall, recallBody({ MsgSeqList }), CONTEXT)
    expect(leftOut).to.include('"MsgSeqList[5].MsgSeq"').and.include('and 895 more')
  })

  it('can be made from a recall again', () => {
    const samples = [...Object.values(RECALL_SAMPLES), recallBody({ EventTime: 0, Type: '' })]
    for (const sample of samples) {
      const recall = only(toRecalls(groupRecall, sample, CONTEXT).recalls)
      const { query, body } = toWebhook(recall, '14')
      expect(new URLSearchParams(query).get('ClientIP')).to.equal(CONTEXT.address)
      expect(parseWhole(JSON.parse(body) as Fields)).to.deep.equal(recall)
    }
  })
})
