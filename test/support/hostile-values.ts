import fc from 'fast-check'

/** Text of any characters, especially those with a meaning in room names, in Redis or in JSON. */
export const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(':', '%', '*', '{', '}', '[', '?', '%3A', '%2A', '"', '\\', '\u0000', '\n', '\u2028'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
})
/** The same, with lone surrogates, which identifiers must not contain. */
const anyText = fc.string({
  unit: fc.oneof(text, fc.constantFrom('\ud800', '\udfff', '__proto__', '{{#label}}', '{')),
})

/** Any JSON, with hostile text. */
export const json = fc.jsonValue({ stringUnit: anyText, maxDepth: 3 })
/** Values that are almost valid somewhere. */
const nearMiss = fc.oneof(
  json,
  anyText,
  fc.constantFrom<unknown>(
    null,
    '',
    0,
    -1,
    1.5,
    '0',
    '00',
    '1e3',
    ' 1',
    2 ** 53,
    '9007199254740992',
    8.64e15,
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [{}],
    [[]],
    [null],
    true,
    { epoch: '', offset: 0 },
    '\ud800',
    'x'.repeat(300),
  ),
  fc.array(fc.record({ MsgSeq: fc.oneof(fc.nat(), fc.nat().map(String), json), MsgId: anyText })),
)
const key = fc.oneof(
  fc.constantFrom('GroupId', 'TopicId', 'Type', 'Operator_Account', 'MsgSeqList', 'EventTime'),
  fc.constantFrom('group', 'topic', 'feed', 'since', 'seqs', 'epoch', 'offset', '__proto__', 'toString'),
  anyText,
)

/** The object with some of its fields removed, replaced or added, as JSON could contain them. */
export const mutated = (sample: object): fc.Arbitrary<unknown> =>
  fc
    .tuple(fc.array(fc.tuple(key, nearMiss), { maxLength: 3 }), fc.subarray(Object.keys(sample)))
    .map(([changes, without]) => {
      const remaining = Object.entries(sample).filter(
        ([name]) => !without.includes(name) || changes.length === 1,
      )
      // Not by assignment: `__proto__` must become a field, as with `JSON.parse`.
      return Object.fromEntries([...remaining, ...changes])
    })
