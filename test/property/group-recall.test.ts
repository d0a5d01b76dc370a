import { expect } from 'chai'
import fc from 'fast-check'
import { isPlainRecall } from '../../server/receiver/commands/group-recall.ts'
import { toRecall } from '../../server/receiver/commands/group-recall.ts'

const CIRCUMSTANCES = { receivedAtMs: 1_700_000_000_000, platform: undefined, address: undefined }
const RUNS = { numRuns: 3_000 }

/** Mostly what a recall holds, now and then what it does not. */
const text = fc.oneof(
  { weight: 8, arbitrary: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 300, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom('', null, 5, undefined, '\u0000', '\ud800', {}) },
)
const whole = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 2 ** 48 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, -1, 1.5, 2 ** 53, 2 ** 53 - 1, '7', '007', 'x', null, Number.NaN),
  },
)
const entry = fc.oneof(
  { weight: 9, arbitrary: fc.record({ MsgSeq: whole, MsgId: text }, { requiredKeys: ['MsgSeq'] }) },
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

/** Digits are no plain time, so the schema looks at the body. */
const bySchema = (recall: { readonly EventTime?: unknown }) =>
  toRecall({ ...recall, EventTime: String(recall.EventTime) }, CIRCUMSTANCES)

describe('a plain recall, for any body', () => {
  it('is what the schema takes too, and makes of it the same', () => {
    let plain = 0
    fc.assert(
      fc.property(body, (recall) => {
        if (!isPlainRecall(recall, 1_000)) return
        plain++
        expect(toRecall(recall, CIRCUMSTANCES)).to.deep.equal(bySchema(recall))
      }),
      RUNS,
    )
    expect(plain).to.be.greaterThan(100)
  })
})
