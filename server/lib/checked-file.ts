import { crc32 } from 'node:zlib'
import type { Disk } from './disk.ts'
import { FORMAT, NewerVersion } from './newer-version.ts'

const FIRST_LINE = /^recall-gateway (\d+) ([0-9a-f]{8})$/

/** What a file holds. A rotten one is not as it was written, or was not written to its end. */
type CheckedFile =
  { readonly isRotten: false; readonly value: unknown } | { readonly isRotten: true; readonly bytes: Buffer }

/** Returns a file that holds a value as JSON, and in the line before it the version of its format and its checksum. */
export function encodeChecked(value: unknown): Buffer {
  const text = `${JSON.stringify(value)}\n`
  return Buffer.from(`recall-gateway ${FORMAT} ${checksumOf(FORMAT, text)}\n${text}`)
}

/** Puts such a file in the place of what is there. Flushed to disk. */
export const writeChecked = (disk: Disk, file: string, value: unknown): void =>
  disk.replace(file, encodeChecked(value))

/** Reads such a file; undefined if there is none. Throws NewerVersion. */
export function readChecked(disk: Disk, file: string): CheckedFile | undefined {
  if (disk.size(file) === undefined) return undefined
  const bytes = disk.read(file)
  const end = bytes.indexOf('\n')
  const text = bytes.subarray(end + 1)
  const line = FIRST_LINE.exec(bytes.subarray(0, Math.max(0, end)).toString('latin1'))
  const [version, checksum] = [Number(line?.[1]), line?.[2]]
  // The checksum did not cover the version at first: a flipped bit must not pass for a file of a newer one.
  const isWhole = checksum === checksumOf(version, text) || (version === FORMAT && checksum === crcOf(text))
  if (!isWhole) return { isRotten: true, bytes }
  if (version > FORMAT) throw new NewerVersion(file, version)
  return { isRotten: false, value: JSON.parse(text.toString()) as unknown }
}

const checksumOf = (version: number, text: string | Buffer): string => crcOf(text, crc32(`${version} `))

const crcOf = (text: string | Buffer, start = 0): string => crc32(text, start).toString(16).padStart(8, '0')
