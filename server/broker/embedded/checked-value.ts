import { crc32 } from 'node:zlib'
import { FORMAT, NewerVersion } from '../../lib/newer-version.ts'

/**
 * A value of the store: a byte that no JSON begins with, the version, and a CRC-32 of the version, the name of the database, the key and
 * the JSON that follows, so that a value also tells where it belongs. Version 1 stored the JSON alone.
 */
const MARK = 1
const HEADER_BYTES = 6
const OPENING_BRACE = 0x7b

export type Key = string | [string, number]

/** How the values of a database are written: as JSON, or as a text that is JSON already. */
export type Encoding = 'json' | 'text'

/** A value as it was written; `isOld` without a checksum, by the version before this one. */
type Decoded = { readonly value: unknown; readonly isOld: boolean } | undefined

export function encodeValue(database: string, encoding: Encoding, key: Key, value: unknown): Buffer {
  const json = encoding === 'text' ? String(value) : JSON.stringify(value)
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(json))
  bytes[0] = MARK
  bytes[1] = FORMAT
  bytes.write(json, HEADER_BYTES)
  bytes.writeUInt32LE(checksumOf(database, key, FORMAT, bytes.subarray(HEADER_BYTES)), 2)
  return bytes
}

/** Returns undefined for what is rotten. Throws NewerVersion. */
export function decodeValue(database: string, encoding: Encoding, key: Key, bytes: Buffer): Decoded {
  const isOld = bytes[0] !== MARK
  const json = isOld ? bytes : bytes.subarray(HEADER_BYTES)
  if (!isOld) {
    const version = bytes[1] ?? 0
    const isSound =
      bytes.length >= HEADER_BYTES && bytes.readUInt32LE(2) === checksumOf(database, key, version, json)
    if (!isSound) return undefined
    if (version > FORMAT) throw new NewerVersion('the store of the embedded broker', version)
  }
  if (encoding === 'text')
    return isOld && json[0] !== OPENING_BRACE ? undefined : { value: json.toString(), isOld }
  try {
    return { value: JSON.parse(json.toString()) as unknown, isOld }
  } catch {
    return undefined
  }
}

const checksumOf = (database: string, key: Key, version: number, json: Buffer): number =>
  crc32(json, crc32(`${version} ${database}\0${typeof key === 'string' ? key : `${key[0]}\0${key[1]}`}\0`))
