import { expect } from 'chai'
import fc from 'fast-check'
import {
  costOf,
  isPlainRecalled,
  isPlainSubscribe,
  parseRecalled,
  parseSubscribe,
} from '../../server/realtime/sessions/requests.ts'

/** Mostly valid, sometimes not. */
const text = fc.oneof(
  { weight: 8, arbitrary: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 300, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom('', null, 5, undefined, '\u0000', '\ud800', {}, []) },
)
const since = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      epoch: fc.string({ maxLength: 70 }),
      offset: fc.oneof(fc.nat(), fc.constantFrom(-1, 1.5, 2 ** 53, '7', null)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(undefined, null, 7, [], { epoch: 'e' }, { epoch: 'e', offset: 1, more: 1 }),
  },
)
const payload = fc.oneof(
  { weight: 9, arbitrary: fc.record({ group: text, topic: text, since }, { requiredKeys: ['group'] }) },
  {
    weight: 1,
    arbitrary: fc.record({ group: text, toppic: text, feed: fc.boolean() }, { requiredKeys: [] }),
  },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        c2c: fc.oneof({ weight: 5, arbitrary: fc.tuple(text, text) }, fc.array(text, { maxLength: 3 })),
        since,
      },
      { requiredKeys: ['c2c'] },
    ),
  },
  { weight: 3, arbitrary: fc.record({ official: text, since }, { requiredKeys: ['official'] }) },
  {
    weight: 1,
    arbitrary: fc.record(
      { group: text, topic: text, official: text, c2c: fc.tuple(text, text), since },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.anything() },
)

describe('plain subscribe, for any payload', () => {
  it('is one that the schema accepts unchanged', () => {
    let plain = 0
    fc.assert(
      fc.property(payload, (request) => {
        if (!isPlainSubscribe(request)) return
        plain++
        // A copy with an undefined `feed` is not plain, so the schema validates it.
        expect(parseSubscribe({ ...request, feed: undefined })).to.deep.equal({ ...request, feed: undefined })
      }),
      { numRuns: 3_000 },
    )
    expect(plain).to.be.greaterThan(100)
  })

  it('are the same for a plain look-up of recalled messages', () => {
    const seq = fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 1, max: 2 ** 53 - 1 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(0, -1, 1.5, 2 ** 53, NaN, Infinity, '7', null, undefined, [], {}),
      },
    )
    const seqs = fc.oneof(
      { weight: 20, arbitrary: fc.array(seq, { maxLength: 30 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          undefined,
          null,
          7,
          {},
          Array.from({ length: 1_001 }, () => 1),
        ),
      },
    )
    const keys = fc.array(text, { maxLength: 5 })
    const lookUp = fc.oneof(
      fc.record({ group: text, topic: text, seqs, more: text }, { requiredKeys: ['group', 'seqs'] }),
      fc.record({ c2c: fc.tuple(text, text), keys, seqs }, { requiredKeys: ['c2c', 'keys'] }),
      fc.record({ official: text, group: text, keys }, { requiredKeys: ['official', 'keys'] }),
    )
    const kinds = new Set<string>()
    let plain = 0
    fc.assert(
      fc.property(lookUp, (request) => {
        if (!isPlainRecalled(request)) return
        plain++
        for (const kind of Object.keys(request)) kinds.add(kind)
        // With a null in place of a topic that is undefined it is not plain.
        const { topic, ...rest } = parseRecalled({ ...request, topic: request.topic ?? null })
        expect({ ...rest, ...(topic !== undefined && { topic }) }).to.deep.equal(
          Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)),
        )
      }),
      { numRuns: 3_000 },
    )
    expect(plain).to.be.greaterThan(100)
    expect([...kinds]).to.include.members(['group', 'c2c', 'official'])
  })
})

describe('the cost of a request', () => {
  it('grows with what has to be looked at, valid or not', () => {
    const seqs = Array.from({ length: 1_000 }, () => 0)
    const keys = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key${i}`, i]))
    expect(costOf({ group: 'g', seqs: [1] })).to.equal(1)
    expect(costOf({ group: 'g', seqs })).to.equal(21)
    expect(costOf({ official: 'o', keys: seqs })).to.equal(21)
    expect(costOf(keys)).to.equal(11)
    expect(costOf({ group: 'g', since: keys })).to.equal(11)
    for (const other of [undefined, null, 7, 'text', [], { seqs: 7 }]) expect(costOf(other)).to.equal(1)
  })
})
