import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import { parseRecord } from '../../shared/json.ts'
import { readNoted, writeNoted } from './note-file.ts'

/** How far a file was replayed, in a file beside nothing else. What was not accepted is posted again the next time. */
export interface ReplayNote {
  /** The last line up to which everything was posted. */
  readonly line: number
  /** Those of them that were refused, and are to be posted once more. */
  readonly refused: ReadonlySet<number>
  /** Notes what became of a line. Throws CONFIG_INVALID if too many were refused, or if it cannot be written. */
  done(line: number, isAccepted: boolean): void
}

/** By which files are told apart. */
const HEAD_BYTES = 64 * 1024
const MAX_NOTE_BYTES = 2 ** 20
/** More than that many are not single lines that are broken. */
const MAX_REFUSED = 10_000

/** Opens a note about the replay of this file. Throws CONFIG_INVALID if it is about another file, or if the file is none on disk. */
export function openNote(notePath: string, path: string): ReplayNote {
  const head = readHead(path)
  const before = readNote(notePath)
  // One that has grown since is the same.
  if (before !== undefined && before.file !== digestOf(head.subarray(0, before.bytes)))
    throw wrong(`${notePath} is about another file: remove it to begin anew`)
  const file = digestOf(head)
  const refused = new Set(before?.refused)
  let line = before?.line ?? 0
  return {
    get line() {
      return line
    },
    refused,
    done(posted, isAccepted) {
      if (isAccepted) refused.delete(posted)
      else refused.add(posted)
      if (refused.size > MAX_REFUSED) throw wrong(`${MAX_REFUSED} lines of ${path} were refused: see why`)
      line = Math.max(line, posted)
      writeNoted(notePath, {
        file,
        bytes: head.length,
        line,
        refused: [...refused].toSorted((a, b) => a - b),
      } satisfies StoredNote)
    },
  }
}

const wrong = (what: string): GatewayError => new GatewayError('CONFIG_INVALID', what)

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16)

/** Not all of it: it may be larger than the memory. */
function readHead(path: string): Buffer {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    // From a pipe, it would be missing in what is posted.
    if (!fstatSync(fd).isFile()) throw wrong(`--resume needs a file on disk, and ${path} is none`)
    const head = Buffer.alloc(HEAD_BYTES)
    return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0))
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('CONFIG_INVALID', `cannot read ${path}: ${reasonOf(cause)}`, { cause })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

interface StoredNote {
  readonly file: string
  /** How many bytes of the file `file` is the digest of. */
  readonly bytes: number
  readonly line: number
  readonly refused: readonly number[]
}

function readNote(path: string): StoredNote | undefined {
  const text = readNoted(path)
  if (text === undefined) return undefined
  const note = text.length > MAX_NOTE_BYTES ? undefined : parseRecord(text)
  const { file, bytes, line, refused } = note ?? {}
  if (
    typeof file !== 'string' ||
    !isWhole(bytes) ||
    bytes > HEAD_BYTES ||
    !isWhole(line) ||
    !Array.isArray(refused) ||
    refused.length > MAX_REFUSED ||
    !refused.every((one): one is number => isWhole(one) && one <= line)
  )
    throw wrong(`${path} holds no note of a replay: remove it to begin anew`)
  return { file, bytes, line, refused }
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0
