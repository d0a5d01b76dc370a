import { crc32 } from 'node:zlib'
import { FORMAT, NewerVersion } from '../newer-version.ts'

/**
 * A record of a journal, all numbers little-endian:
 *
 * | bytes | content                                             |
 * | ----- | --------------------------------------------------- |
 * | 3     | `MAGIC`                                             |
 * | 1     | version of the format                               |
 * | 4     | length of the payload                               |
 * | 6     | key                                                 |
 * | 4     | CRC-32 of the payload                               |
 * | 4     | CRC-32 of the 18 bytes before it                    |
 * | …     | payload                                             |
 *
 * The first byte of the magic never occurs in JSON, so nobody can hide a record in what they send. What is not JSON has to see to
 * that itself.
 */
const MAGIC = Buffer.from('\x1eRG', 'latin1')
const VERSION_AT = MAGIC.length
const HEADER_CRC_AT = 18
export const HEADER_BYTES = 22

export const encodeRecord = (key: number, payload: Buffer): Buffer => encodeRecords(key, [payload])

/** Returns the records of payloads, one behind the other, with keys from the first on. */
export function encodeRecords(firstKey: number, payloads: readonly Buffer[]): Buffer {
  const bytes = payloads.reduce((sum, { length }) => sum + HEADER_BYTES + length, 0)
  const content = Buffer.allocUnsafe(bytes)
  let [at, key] = [0, firstKey]
  for (const payload of payloads) {
    MAGIC.copy(content, at)
    content[at + VERSION_AT] = FORMAT
    content.writeUInt32LE(payload.length, at + 4)
    content.writeUIntLE(key++, at + 8, 6)
    content.writeUInt32LE(crc32(payload), at + 14)
    content.writeUInt32LE(crc32(content.subarray(at, at + HEADER_CRC_AT)), at + HEADER_CRC_AT)
    payload.copy(content, at + HEADER_BYTES)
    at += HEADER_BYTES + payload.length
  }
  return content
}

/** A part of a file, from byte `start` to before `end`. */
interface Part {
  readonly start: number
  readonly end: number
}

export interface FoundRecord extends Part {
  readonly key: number
  /** Undefined if it is not what was written. */
  readonly payload: Buffer | undefined
}

export interface Scanned {
  readonly records: readonly FoundRecord[]
  /** What is no record. */
  readonly rotten: readonly Part[]
  /** Where a last record begins that has no end, as a crash leaves it; the length of the file without one. */
  readonly end: number
}

/** Finds the records in a file: behind a rotten part it goes on at the next header that is whole. Throws NewerVersion. */
export function scanRecords(file: Buffer): Scanned {
  const records: FoundRecord[] = []
  const rotten: Part[] = []
  let at = 0
  while (at < file.length) {
    const record = recordAt(file, at)
    if (record?.payload !== undefined) {
      records.push(record)
      at = record.end
      continue
    }
    const next = nextHeader(file, at + 1)
    if (record !== undefined) {
      // Its end is where the next one begins, if a part of the file is missing.
      records.push({ ...record, end: Math.min(record.end, next ?? record.end) })
      at = records.at(-1)?.end ?? file.length
      continue
    }
    if (next === undefined && isTorn(file.subarray(at))) return { records, rotten, end: at }
    rotten.push({ start: at, end: next ?? file.length })
    at = next ?? file.length
  }
  return { records, rotten, end: file.length }
}

/** Returns the record that begins here; undefined if none does, or if the file ends before it. */
export function recordAt(file: Buffer, start: number): FoundRecord | undefined {
  if (!isHeader(file, start)) return undefined
  const end = start + HEADER_BYTES + file.readUInt32LE(start + 4)
  if (end > file.length) return undefined
  const payload = file.subarray(start + HEADER_BYTES, end)
  const isSound = crc32(payload) === file.readUInt32LE(start + 14)
  return { start, end, key: file.readUIntLE(start + 8, 6), payload: isSound ? payload : undefined }
}

function isHeader(file: Buffer, start: number): boolean {
  const isSound =
    file.length - start >= HEADER_BYTES &&
    MAGIC.equals(file.subarray(start, start + MAGIC.length)) &&
    crc32(file.subarray(start, start + HEADER_CRC_AT)) === file.readUInt32LE(start + HEADER_CRC_AT)
  const version = file[start + VERSION_AT] ?? 0
  if (isSound && version > FORMAT) throw new NewerVersion('a journal', version)
  return isSound
}

function nextHeader(file: Buffer, from: number): number | undefined {
  for (let at = file.indexOf(MAGIC, from); at !== -1; at = file.indexOf(MAGIC, at + 1))
    if (isHeader(file, at)) return at
  return undefined
}

/** Whether these last bytes are a record that was not written to its end, or space that was not written to at all. */
function isTorn(rest: Buffer): boolean {
  if (isHeader(rest, 0)) return true
  if (rest.length < HEADER_BYTES) return MAGIC.subarray(0, rest.length).equals(rest.subarray(0, MAGIC.length))
  return rest.every((byte) => byte === 0)
}
