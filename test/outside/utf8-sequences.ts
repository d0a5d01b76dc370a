/** A greeting with characters of one to four bytes. */
export const GREETING = 'Grüße, κόσμε, 你好, 𝄞!'

/** Encodes a number as UTF-8 would if it had this many bytes, whether or not that is allowed. */
function asUtf8(value: number, bytes: number): Buffer {
  if (bytes === 1) return Buffer.of(value)
  const lead = (0xff << (8 - bytes)) & 0xff
  return Buffer.of(
    ...Array.from({ length: bytes }, (_, i) => {
      const bits = Math.floor(value / 64 ** (bytes - 1 - i)) % 64
      return i === 0 ? lead | bits : 0x80 | bits
    }),
  )
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)
/** The bits that fit into a sequence of one to six bytes. */
const CAPACITY = [7, 11, 16, 21, 26, 31]
const incomplete = [2, 3, 4, 5, 6].flatMap((bytes) =>
  [0, 2 ** (CAPACITY[bytes - 1] ?? 0) - 1].map((value) => asUtf8(value, bytes).subarray(0, -1)),
)
const surrogates = [0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff].map((one) => asUtf8(one, 3))
const greek = Buffer.from('κόσμε')

/** Byte sequences by subject; those of `VALID_UTF8` are UTF-8. The subjects are those of Markus Kuhn's decoder test. */
export const VALID_UTF8: Readonly<Record<string, readonly Buffer[]>> = {
  'characters of each length': ['$', '¢', '€', '𤭢', 'κόσμε', GREETING].map((one) => Buffer.from(one)),
  'the first character of each length': [0, 0x80, 0x800, 0x1_0000].map((one, i) => asUtf8(one, i + 1)),
  'the last character of each length': [0x7f, 0x7ff, 0xffff, 0x10_ffff].map((one, i) => asUtf8(one, i + 1)),
  'the neighbours of what is not allowed': [0xd7ff, 0xe000, 0xfffd].map((one) => asUtf8(one, 3)),
  'the prefixes that end with a character': Array.from('κόσμε').map((_, i, all) =>
    Buffer.from(all.slice(0, i + 1).join('')),
  ),
  'characters that stand for none': [
    ...[...range(0xfdd0, 0xfdef), 0xfffe, 0xffff].map((one) => asUtf8(one, 3)),
    ...range(1, 16).flatMap((plane) => [0xfffe, 0xffff].map((one) => asUtf8(plane * 0x1_0000 + one, 4))),
  ],
}
export const INVALID_UTF8: Readonly<Record<string, readonly Buffer[]>> = {
  'the prefixes that end within a character': range(1, greek.length - 1)
    .map((bytes) => greek.subarray(0, bytes))
    .filter((prefix) => prefix.toString().includes('\ufffd')),
  'beyond the last character': [
    asUtf8(0x11_0000, 4),
    ...[4, 5, 6].flatMap((bytes) => [
      ...(bytes > 4 ? [asUtf8(2 ** (CAPACITY[bytes - 2] ?? 0), bytes)] : []),
      asUtf8(2 ** (CAPACITY[bytes - 1] ?? 0) - 1, bytes),
    ]),
  ],
  'continuation bytes without a start': [
    ...range(1, 6).map((bytes) => Buffer.from(range(1, bytes).map((i) => (i % 2 ? 0x80 : 0xbf)))),
    Buffer.of(0xbf),
    Buffer.from(range(0x80, 0xbf)),
  ],
  'starts without continuation bytes': [
    [0xc0, 0xdf],
    [0xe0, 0xef],
    [0xf0, 0xf7],
    [0xf8, 0xfb],
    [0xfc, 0xfd],
  ].map(([from = 0, to = 0]) => Buffer.from(range(from, to).flatMap((byte) => [byte, 0x20]))),
  'sequences without their last byte': [...incomplete, Buffer.concat(incomplete)],
  'bytes that never occur': [[0xfe], [0xff], [0xfe, 0xfe, 0xff, 0xff]].map((bytes) => Buffer.from(bytes)),
  'longer forms than needed': [2, 3, 4, 5, 6].flatMap((bytes) => [
    asUtf8(0x2f, bytes),
    asUtf8(0, bytes),
    asUtf8(2 ** (bytes === 2 ? 7 : (CAPACITY[bytes - 2] ?? 0)) - 1, bytes),
  ]),
  'single surrogates': surrogates,
  'pairs of surrogates': surrogates
    .slice(0, 4)
    .flatMap((high) => surrogates.slice(4).map((low) => Buffer.concat([high, low]))),
}
