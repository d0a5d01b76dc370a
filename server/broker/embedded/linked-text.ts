import type { Link } from '../chain.ts'

/**
 * The text of an entry, and behind it its link in whitespace, which readers of JSON skip, and with them the last release: four
 * digits of four values for a byte. The bytes are the time, the link, and the epoch of an entry that begins a chain.
 */
const DIGITS = ' \t\n\r'
const [TIME_BYTES, LINK_BYTES] = [6, 20]
const DIGITS_PER_BYTE = 4

const WRITTEN = Array.from({ length: 256 }, (_, byte) =>
  [0, 2, 4, 6].map((shift) => DIGITS[(byte >> shift) & 3]).join(''),
)
const READ = new Map(WRITTEN.map((digits, byte) => [digits, byte]))
const LINKED = new RegExp(
  `^(.*[^${DIGITS}])([${DIGITS}]{${DIGITS_PER_BYTE * (TIME_BYTES + LINK_BYTES)},})$`,
  's',
)

export function withLink(text: string, { link, keptAtMs, epoch = '' }: Link): string {
  const bytes = Buffer.from(keptAtMs.toString(16).padStart(2 * TIME_BYTES, '0') + link, 'hex')
  let digits = ''
  for (const byte of bytes) digits += WRITTEN[byte] ?? ''
  for (const byte of Buffer.from(epoch)) digits += WRITTEN[byte] ?? ''
  return text + digits
}

/** Returns the text as it was encoded, and its link, if it has one. */
export function splitLink(stored: string): { readonly text: string; readonly link: Link | undefined } {
  const [, text, digits = ''] = LINKED.exec(stored) ?? []
  if (text === undefined || digits.length % DIGITS_PER_BYTE > 0) return { text: stored, link: undefined }
  const bytes = Buffer.alloc(digits.length / DIGITS_PER_BYTE)
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = READ.get(digits.slice(i * DIGITS_PER_BYTE, (i + 1) * DIGITS_PER_BYTE)) ?? 0
  const epoch = bytes.toString('latin1', TIME_BYTES + LINK_BYTES)
  return {
    text,
    link: {
      link: bytes.toString('hex', TIME_BYTES, TIME_BYTES + LINK_BYTES),
      keptAtMs: bytes.readUIntBE(0, TIME_BYTES),
      ...(epoch !== '' && { epoch }),
    },
  }
}
