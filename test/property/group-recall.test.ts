import { expect } from 'chai'
import fc from 'fast-check'
import { isPlainRecall, toRecall } from '../../server/receiver/commands/group-recall.ts'

const CONTEXT = { receivedAtMs: 1_700_000_000_000, platform: undefined, address: undefined }
const RUNS = { numRuns: 3_000 }

/** Mostly what a recall contains, and sometimes what it must not. */
const text = fc.oneof(
  { weight: 8, arbitrary: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 300, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom('', null, 5, undefined, '\u0000', '\ud800', {}) },
)
const wholeNumber = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 2 ** 48 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, -1, 1.5, 2 ** 53, 2 ** 53 - 1, '7', '007', 'x', null, Number.NaN),
  },
)
const entry = fc.oneof(
  { weight: 9, arbitrary: fc.record({ MsgSeq: wholeNumber, MsgId: text }, { requiredKeys: ['MsgSeq'] }) },
  { weight: 1, arbitrary: fc.constantFrom(null, 7, [], {}, [1]) },
)
const body = fc.record(
  {
    GroupId: text,
    TopicId: text,
    Type: text,
    Operator_Account: text,
    EventTime: fc.integer({ min: 1, max: 8_640_000_000_000_000 }),
    MsgSeqList: fc.array(entry, { maxLength: 5 }),
    InviteOption: fc.anything(),
  },
  { requiredKeys: ['GroupId', 'MsgSeqList', 'EventTime'] },
)

/** Takes the path of the schema: a time in digits is not plain. */
const toRecallBySchema = (webhook: { readonly EventTime?: unknown }) =>
  toRecall({ ...webhook, EventTime: String(webhook.EventTime) }, CONTEXT)

describe('the fast path for plain recalls, for any body', () => {
  it('accepts only what the schema accepts, with the same result', () => {
    let plain = 0
    fc.assert(
      fc.property(body, (webhook) => {
        if (!isPlainRecall(webhook)) return
        plain++
        expect(toRecall(webhook, CONTEXT)).to.deep.equal(toRecallBySchema(webhook))
      }),
      RUNS,
    )
    expect(plain).to.be.greaterThan(100)
  })
})
