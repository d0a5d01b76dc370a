import { expect } from 'chai'
import fc from 'fast-check'
import { groupRecall } from '../../server/receiver/commands/group-recall.ts'
import { toRecalls } from '../../server/receiver/recalls.ts'

const CONTEXT = { receivedAtMs: 1_700_000_000_000, platform: undefined, address: undefined }

interface Part {
  readonly value: unknown
  readonly isOdd: boolean
}

const part = (isOdd: boolean, value: fc.Arbitrary<unknown>, weight: number) => ({
  weight,
  arbitrary: value.map((of): Part => ({ value: of, isOdd })),
})

/** What an optional field of text may hold: nothing in three spellings, text, a whole number, or what makes no sense. */
const optionalText = fc.oneof(
  part(false, fc.constantFrom(undefined, null, ''), 2),
  part(false, fc.string({ minLength: 1, maxLength: 40 }), 4),
  part(false, fc.maxSafeInteger(), 1),
  part(true, fc.constantFrom('\u0000', '\ud800', 'x'.repeat(257), 1.5, 2 ** 60, true, {}, ['a']), 2),
)

const entry = fc.oneof(
  part(false, fc.record({ MsgSeq: fc.integer({ min: 1, max: 2 ** 48 }) }), 4),
  part(
    false,
    fc.record({ MsgSeq: fc.integer({ min: 1, max: 2 ** 48 }).map(String), MsgId: fc.constant(null) }),
    1,
  ),
  part(true, fc.constantFrom(null, 7, [], {}, [1], { MsgSeq: 0 }, { MsgSeq: '1e2' }, { MsgSeq: 2 ** 53 }), 2),
)

const seqOf = ({ value }: Part): number => Number((value as { readonly MsgSeq: unknown }).MsgSeq)

describe('a recall, for any mix of clear and odd parts', () => {
  it('has every clear part, and says whether there were others', () => {
    const parts = fc.record({
      Type: optionalText,
      Operator_Account: optionalText,
      entries: fc.array(entry, { minLength: 1, maxLength: 8 }),
    })
    let delivered = 0
    const property = fc.property(parts, ({ Type, Operator_Account, entries }) => {
      const clear = [...new Set(entries.filter(({ isOdd }) => !isOdd).map(seqOf))]
      const body = {
        GroupId: 'g',
        Type: Type.value,
        Operator_Account: Operator_Account.value,
        MsgSeqList: entries.map(({ value }) => value),
      }
      if (clear.length === 0) {
        expect(() => toRecalls(groupRecall, body, CONTEXT))
          .to.throw()
          .with.property('code', 'WEBHOOK_MALFORMED')
        return
      }
      delivered++
      const { recalls, leftOut } = toRecalls(groupRecall, body, CONTEXT)
      const [recall] = recalls
      expect(recall?.messages.map(({ seq }) => seq)).to.deep.equal(clear)
      const isEmpty = [undefined, null, ''].includes(Type.value as string)
      expect(recall?.groupType).to.equal(isEmpty || Type.isOdd ? undefined : String(Type.value))
      const hasOdd = [Type, Operator_Account, ...entries].some(({ isOdd }) => isOdd)
      expect(leftOut !== undefined).to.equal(hasOdd)
    })
    fc.assert(property, { numRuns: 2_000 })
    expect(delivered).to.be.greaterThan(500)
  })
})
