/**
 * Texts that are JSON, that are not, and those about which RFC 8259 leaves the answer to the reader: the subjects of the JSON
 * parsing test suite. A text with bytes that are not UTF-8 is written as Latin-1, behind `BYTES`.
 */
const BYTES = '\u0000bytes:'

/** The bytes of a case. */
export const bytesOf = (one: string): Buffer => (one.startsWith(BYTES) ? Buffer.from(one.slice(BYTES.length), 'latin1') : Buffer.from(one))

const raw = (latin1: string): string => BYTES + latin1
const each = (before: string, middles: readonly string[], after: string): string[] => middles.map((one) => before + one + after)
const inList = (values: readonly string[]): string[] => each('[', values, ']')
const inText = (values: readonly string[]): string[] => each('["', values, '"]')

export const JSON_TEXTS: Readonly<Record<string, readonly string[]>> = {
  'values alone': ['false', 'true', 'null', '42', '-0.1', '"asd"', '""', '" "'],
  lists: [
    ...inList(['', '""', '"a"', 'false', 'true', 'null', '[]   ', 'null, 1, "1", {}', '1,null,null,null,2', '1\n']),
    ' [1]', '[2] ', ' [] ', '["a"]\n', '[ "asd"]',
  ],
  numbers: [
    ...inList(['123', '-123', '-1', '0', '-0', ' 4', '123.456789', '20e1', '123e45', '123e65', '123.456e78']),
    ...inList(['0e1', '0e+1', '1E22', '1E-2', '1E+2', '1e-2', '1e+2', `-0.${'0'.repeat(77)}1`]),
  ],
  objects: [
    '{}', '{"":0}', '{"a":[]}', '{"asd":"sdf"}', '{"asd":"sdf", "dfg":"fgh"}', '{\n"a": "b"\n}',
    '{"a":"b","a":"c"}', '{"a":"b","a":"b"}', '{"foo\\u0000bar": 42}', '{ "min": -1.0e+28, "max": 1.0e+28 }',
    `{"x":[{"id": "${'x'.repeat(40)}"}], "id": "${'x'.repeat(40)}"}`,
    '{"title":"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430 \\u0417\\u0435\\u043c\\u043b\\u0435\\u043a\\u043e\\u043f\\u0430" }',
  ],
  escapes: [
    ...inText(['\\"\\\\\\/\\b\\f\\n\\r\\t', '\\"', '\\\\u0000', '\\\\a', '\\\\n', '\\u0000', '\\u0012', '\\u0022']),
    ...inText(['\\u002c', '\\u005C', '\\u0123', '\\u0821', '\\uA66D', '\\u0060\\u012a\\u12AB', '\\u0061\\u30af\\u30EA\\u30b9']),
    ...inText(['new\\u000Aline', 'new\\u00A0line', '\\u200B', '\\u2064', '\\uD801\\udc37', '\\ud83d\\ude39\\ud83d\\udc8d']),
    ...inText(['\\uD834\\uDd1e', '\\uDBFF\\uDFFF', '\\uDBFF\\uDFFE', '\\uD83F\\uDFFE', '\\uFDD0', '\\uFFFE', '\\uFFFF']),
  ],
  characters: inText(['asd', 'asd ', 'a/*b*/c/*d//e', '\u007f', 'a\u007fa', 'π', '€𝄞', '⍂㈴⍂', '\u2028', '\u2029', '\uffff', '\u{1bfff}', '\u{10ffff}']),
}

export const NOT_JSON: Readonly<Record<string, readonly string[]>> = {
  'nothing or no value': ['', ' ', '\ufeff', 'abc', 'aå', 'å', '*', '<.>', '"', "'", raw('\xe9'), raw('\xe5'), '123\u0000'],
  'lists that do not end': [
    '[', '[1', '[1,', '["x"', '[x', '[""', '[{}', '["asd]', '[1,\n1\n,1', '["a",\n4\n,1,', '[ false, nul', '[ true, fals',
    '[ false, tru', "['", '[,', '[{', '["a', '["a"', '["\\', '["\\{["\\{["\\{["\\{',
  ],
  'lists that are wrong inside': [
    ...inList(['1 true', ',1', '1,,2', '"x",,', '"",', '3[4]', '1:2', ',', '   , ""', '1,', '1,,', '*', '-', '"": 1']),
    ...inList(['"\u000ba"\\f', 'a\\f', '\u2060', '\u0000', '\f', '<null>', 'True', 'é', '\\n', '\\u0020"asd"', '\\u000A""']),
    raw('[a\xe5]'), raw('[\xff]'), "['single quote']", '["x", truth]',
  ],
  'text behind a value': [
    '[""],', '["x"]]', '[1]x', '[1]]', '[][]', '""x', '2@', '{}}', '{"a": true} "x"', '{"a":"b"}#', '{"a":"b"}#{}',
    '{"a":"b"}/**/', '{"a":"b"}/**//', '{"a":"b"}//', '{"a":"b"}/', ']', '1]',
  ],
  'words that are none': inList(['fals', 'nul', 'tru', 'NaN', '-NaN', 'Inf', '+Inf', 'Infinity', '-Infinity']),
  'numbers that are none': [
    ...inList(['++1234', '+1', '-01', '-1.0.', '-2.', '.-1', '.2e-3', '0.1.2', '0.3e+', '0.3e', '0.e1', '0E+', '0E']),
    ...inList(['0e+', '0e', '1.0e+', '1.0e-', '1.0e', '1 000.0', '1eE2', '2.e+3', '2.e-3', '2.e3', '9.e+', '\uff11']),
    ...inList(['1+2', '0x1', '0x42', '0e+-1', '-123.123foo', '-foo', '- 1', '-012', '-.123', '-1x', '1ea', '1.', '.123']),
    ...inList(['1.2a-3', '1.8011670033376514H-308', '012']),
    raw('[123\xe5]'), raw('[1e1\xe5]'), raw('[0\xe5]\n'), raw('[1e\xe5]'),
  ],
  'objects that do not end': ['{', '{"', '{"a', '{"a"', '{"a":', '{"":', '{"a":"a', '{"asd":"asd"', '{"x": true,', '{]', '{,', '{[', "{'a'"],
  'objects that are wrong inside': [
    '{[: "x"}\n', '{"x", null}', '{"x"::"b"}', '{🇨🇭}', '{"a":"a" 123}', "{key: 'value'}", '{"a" b}', '{:"b"}', '{"a" "b"}',
    '{1:1}', '{9999E9999:1}', '{null:null,null:null}', '{"id":0,,,,,}', "{'a':0}", '{"id":0,}', '{"a":"b",,"c":"d"}',
    '{a: "b"}', '{ "foo" : "bar", "a" }', '{"a":/*comment*/"b"}', raw('{"\xb9":"0",}'), raw('\xef\xbb{}'),
  ],
  'escapes that are none': [
    ...inText(['\\uD800\\', '\\uD800\\u', '\\uD800\\u1', '\\uD800\\u1x', '\\\u0000', '\\x00', '\\\\\\', '\\\t', '\\🌀']),
    ...inText(['\\', '\\u00A', '\\uD834\\uDd', '\\uD800\\uD800\\x', '\\a', '\\uqqqq']),
    '"\\UA66D"', raw('["\\u\xe5"]'), raw('["\\\xe5"]'),
  ],
  'control characters in texts': inText(['a\u0000a', 'new\nline', '\t']),
  'nesting without an end': ['['.repeat(100_000), '[{"":'.repeat(50_000)],
}

/** What this gateway makes of a text that a reader may take or not. */
type Verdict = 'json' | 'not JSON' | 'not UTF-8'

export const OPEN_CASES: readonly {
  readonly text: string
  readonly verdict: Verdict
  readonly why: string
}[] = [
  ...['123.456e-789', `0.4e00669${'9'.repeat(110)}`, '-1e+9999', '1.5e+9999', '-123123e100000', '123123e100000'].map(number),
  ...['123e-10000000', `-${'123'.repeat(10)}`, '100000000000000000000', '-237462374673276894279832749832423479823246327846'].map(number),
  ...['\\uDADA', '\\uD888\\u1234', '\\uD800\\n', '\\uDd1ea', '\\uD800\\uD800\\n', '\\ud800', '\\ud800abc', '\\uDd1e\\uD834', '\\uDFAA'].map((text) => ({
    text: `["${text}"]`,
    verdict: 'json' as const,
    why: 'half a surrogate pair, escaped, is a text that no identifier may be; it harms nobody elsewhere',
  })),
  { text: '{"\\uDFAA":0}', verdict: 'json', why: 'a name that nobody asks for' },
  ...['["\xff"]', '["\xe9"]', '["\x81"]', '["\xe6\x97\xa5\xd1\x88\xfa"]', '["\xed\xa0\x80"]', '["\xf4\xbf\xbf\xbf"]', '["\xc0\xaf"]']
    .concat(['["\xfc\x83\xbf\xbf\xbf\xbf"]', '["\xfc\x80\x80\x80\x80\x80"]', '["\xe0\xff"]', '\xff\xfe[\x00"\x00\xe9\x00"\x00]\x00'])
    .map((text) => ({ text: raw(text), verdict: 'not UTF-8' as const, why: 'a replaced character would make one name out of two' })),
  ...['\x00[\x00"\x00\xe9\x00"\x00]', '[\x00"\x00\xe9\x00"\x00]\x00'].map((text) => ({
    text: raw(text),
    verdict: 'not UTF-8' as const,
    why: 'UTF-16 is not accepted, with or without a mark',
  })),
  { text: `${'['.repeat(500)}${']'.repeat(500)}`, verdict: 'json', why: 'nesting costs no more than its bytes' },
  { text: '\ufeff{}', verdict: 'json', why: 'RFC 8259, 8.1: a reader may ignore a byte order mark, and some writers send one' },
]

function number(text: string) {
  return { text: `[${text}]`, verdict: 'json' as const, why: 'the nearest number is read; where one matters, it must be whole and exact' }
}
