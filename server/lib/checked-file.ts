import { crc32 } from 'node:zlib'
import type { Disk } from './disk.ts'

/** The version of this format, and whose file it is. */
const TITLE = 'recall-gateway 2'
const FIRST_LINE = new RegExp(`^${TITLE} ([0-9a-f]{8})$`)

/** What a file holds; undefined if there is none. A rotten one is none of ours, or not as we wrote it. */
type CheckedFile =
  { readonly isRotten: false; readonly value: unknown } | { readonly isRotten: true; readonly bytes: Buffer }

/** Writes a value as JSON, with its checksum in the line before it, in the place of what is there. Flushed to disk. */
export function writeChecked(disk: Disk, file: string, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`
  disk.replace(file, Buffer.from(`${TITLE} ${checksumOf(text)}\n${text}`))
}

export function readChecked(disk: Disk, file: string): CheckedFile | undefined {
  if (disk.size(file) === undefined) return undefined
  const bytes = disk.read(file)
  const end = bytes.indexOf('\n')
  const text = bytes.subarray(end + 1)
  const [, checksum] = FIRST_LINE.exec(bytes.subarray(0, end).toString('latin1')) ?? []
  if (end === -1 || checksum !== checksumOf(text)) return { isRotten: true, bytes }
  return { isRotten: false, value: JSON.parse(text.toString()) as unknown }
}

const checksumOf = (text: string | Buffer): string => crc32(text).toString(16).padStart(8, '0')
