import { crc32 } from 'node:zlib'
import { decodeKey, encodeKey } from '../../lib/data-dir.ts'
import { FORMAT, NewerVersion } from '../../lib/newer-version.ts'

/**
 * A value of the store: JSON, and behind it in whitespace, which version 1 reads past, so that it can still use the store: two
 * digits of four values for the version, and sixteen for a CRC-32 of the version, the name of the database, the key and the JSON.
 * So a value also tells where it belongs. Version 1 stored the JSON alone.
 */
const DIGITS = Buffer.from(' \t\n\r')
const [VERSION_DIGITS, CHECKSUM_DIGITS] = [2, 16]
/** The value of each byte as a digit, plus one; 0 for others. */
const VALUE_OF = Uint8Array.from({ length: 256 }, (_, byte) => DIGITS.indexOf(byte) + 1)
const TRAILER_BYTES = VERSION_DIGITS + CHECKSUM_DIGITS

/** A key with a second part: an entry of a log, or a message of a recalled set. */
export type NamedKey = [name: string, part: number | string]
export type Key = string | NamedKey
/** Behind all second parts, which hold only what is printable. */
export const BEYOND_PARTS = '\u{10FFFF}'

/** How the values of a database are written: as JSON, or as a text that is JSON already. */
export type Encoding = 'json' | 'text'

/** A value as it was written; `isOld` without a checksum, by the version before this one. */
type Decoded = { readonly value: unknown; readonly isOld: boolean } | undefined

export function encodeValue(database: string, encoding: Encoding, key: Key, value: unknown): Buffer {
  const json = encoding === 'text' ? String(value) : JSON.stringify(value)
  const length = Buffer.byteLength(json)
  const bytes = Buffer.allocUnsafe(length + TRAILER_BYTES)
  bytes.write(json)
  writeDigits(bytes, length, VERSION_DIGITS, FORMAT)
  const checksum = checksumOf(database, key, FORMAT, bytes.subarray(0, length))
  writeDigits(bytes, length + VERSION_DIGITS, CHECKSUM_DIGITS, checksum)
  return bytes
}

/** Returns undefined for what is rotten. Throws NewerVersion. */
export function decodeValue(database: string, encoding: Encoding, key: Key, bytes: Buffer): Decoded {
  const isOld = !hasTrailer(bytes)
  const end = isOld ? bytes.length : bytes.length - TRAILER_BYTES
  const json = bytes.subarray(0, end)
  if (!isOld) {
    const version = readDigits(bytes, end, VERSION_DIGITS)
    const checksum = readDigits(bytes, end + VERSION_DIGITS, CHECKSUM_DIGITS)
    if (checksum !== checksumOf(database, key, version, json)) return undefined
    if (version > FORMAT) throw new NewerVersion('the store of the embedded broker', version)
  }
  const text = json.toString()
  if (!isOld && encoding === 'text') return { value: text, isOld }
  try {
    const value: unknown = JSON.parse(text)
    return { value: encoding === 'text' ? text : value, isOld }
  } catch {
    return undefined
  }
}

/** Trying each bit of a longer record takes too long. */
const MAX_MENDED_BYTES = 2 ** 14

/** Returns the key if it is one of ours. */
export function asKey(key: unknown): Key | undefined {
  if (typeof key === 'string') return key
  if (!Array.isArray(key) || key.length !== 2) return undefined
  const [name, part] = key as [unknown, unknown]
  if (typeof name !== 'string') return undefined
  return typeof part === 'number' || typeof part === 'string' ? [name, part] : undefined
}

/** Returns a rotten record as it was written, if a single bit of its key or value is wrong: the checksum tells which. */
export function mendRecord(
  database: string,
  encoding: Encoding,
  key: Key,
  bytes: Buffer,
): { readonly key: Key; readonly value: unknown } | undefined {
  if (bytes.length > MAX_MENDED_BYTES) return undefined
  for (const variant of withOneBitFlipped(encodeKey(key))) {
    const other = asKey(decodeKey(variant))
    if (other === undefined) continue
    const decoded = decodeValue(database, encoding, other, bytes)
    if (decoded?.isOld === false) return { key: other, value: decoded.value }
  }
  for (const variant of withOneBitFlipped(bytes)) {
    const decoded = hasTrailer(variant) ? decodeValue(database, encoding, key, variant) : undefined
    if (decoded?.isOld === false) return { key, value: decoded.value }
  }
  return undefined
}

function* withOneBitFlipped(bytes: Buffer): Generator<Buffer> {
  const variant = Buffer.from(bytes)
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const at = bit >> 3
    const byte = variant[at] ?? 0
    variant[at] = byte ^ (1 << (bit & 7))
    yield variant
    variant[at] = byte
  }
}

/** Whether this has a checksum, right or not: JSON of ours does not end with whitespace. */
export const hasTrailer = (bytes: Buffer): boolean =>
  bytes.length > TRAILER_BYTES && VALUE_OF[bytes[bytes.length - 1] ?? 0] !== 0

function writeDigits(bytes: Buffer, at: number, digits: number, number: number): void {
  for (let i = 0; i < digits; i++) bytes[at + i] = DIGITS[(number >>> (2 * i)) & 3] ?? 0
}

/** Returns NaN if one is none. */
function readDigits(bytes: Buffer, at: number, digits: number): number {
  let number = 0
  for (let i = digits - 1; i >= 0; i--) {
    const value = VALUE_OF[bytes[at + i] ?? 0] ?? 0
    if (value === 0) return NaN
    number = number * 4 + value - 1
  }
  return number
}

const checksumOf = (database: string, key: Key, version: number, json: Buffer): number =>
  crc32(json, crc32(`${version} ${database}\0${typeof key === 'string' ? key : `${key[0]}\0${key[1]}`}\0`))
