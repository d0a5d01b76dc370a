import { join } from 'node:path'
import type { Disk } from '../disk.ts'
import { keyIn } from './names.ts'
import { encodeRecord, recordAt, scanRecords } from './records.ts'
import type { FoundRecord, Scanned } from './records.ts'

/**
 * What is wrong in a file. An entry is lost; what is torn was not confirmed, unless the file was cut later; removals that are lost are
 * made again; strays belong to another journal or file, and are taken in as new entries.
 */
export interface Damage {
  readonly kind: 'entry' | 'torn' | 'removals' | 'strays'
  /** As read. */
  readonly bytes: Buffer
  /** File and place, in words. */
  readonly where: string
}

export interface LoadOptions {
  readonly report: (damage: Damage) => void
  /** Changes nothing. */
  readonly readOnly: boolean
  /** See `JournalOptions`. */
  readonly flushes: boolean
}

/** The key of the record at the start of a file, which says what the file before it held. */
const PREDECESSOR_KEY = 0

/** The file before this one, when it was complete. */
interface Predecessor {
  readonly name: string
  readonly bytes: number
}

export const predecessorRecord = (before: Predecessor | undefined): Buffer =>
  encodeRecord(PREDECESSOR_KEY, Buffer.from(JSON.stringify(before ?? null)))

/** Returns how long the file `name` was when the file `after` it was begun; undefined if that does not say. */
export function predecessorOf(disk: Disk, after: string, name: string): number | undefined {
  const record = recordAt(disk.read(after, 0, 4_096), 0)
  if (record?.key !== PREDECESSOR_KEY || record.payload === undefined) return undefined
  const before = JSON.parse(record.payload.toString()) as Predecessor | null
  return before?.name === name ? before.bytes : undefined
}

export interface Bounds {
  /** Entries from this key on were not confirmed here, but in the next file. */
  readonly nextKey: number
  /** How long the file was when the next one was begun. */
  readonly bytes: number | undefined
}

export type Sound = FoundRecord & { readonly payload: Buffer }

interface FileContent {
  readonly sound: readonly Sound[]
  /** Entries with keys that are not expected in this file. */
  readonly strays: readonly Sound[]
  /** Whether anything is lost that should not be in the file the next time. */
  readonly isRotten: boolean
}

/** Reads a file of a journal, and reports what is rotten. */
export function readContent(
  disk: Disk,
  folder: string,
  name: string,
  bounds: Bounds,
  { report, flushes }: Pick<LoadOptions, 'report' | 'flushes'>,
): FileContent {
  const all = disk.read(join(folder, name))
  const known = all.subarray(0, bounds.bytes)
  // If that is no place where an entry ends, it was said of another file.
  const content = scanRecords(known).end === known.length ? known : all
  const scanned = scanRecords(content)
  const { sound, others, isRepeat } = split(scanned, keyIn(name), bounds.nextKey)
  const isRotten = reportRotten(content, scanned, name, bounds, report)
  const tail = soundIn(scanRecords(all.subarray(content.length))).filter((record) => !isRepeat(record))
  // Written, not confirmed, and then written again: that is where the next file goes on.
  const isAbandoned = (some: readonly Sound[]): boolean =>
    sound.length > 0 && some.every(({ key }, i) => key === bounds.nextKey + i)
  const strays = [flushes || !isAbandoned(others) ? others : [], isAbandoned(tail) ? [] : tail].flat()
  return { sound, strays, isRotten }
}

const soundIn = ({ records }: Scanned): Sound[] =>
  records.filter((record): record is Sound => record.payload !== undefined && record.key !== PREDECESSOR_KEY)

/** More than a file ever holds. */
const MAX_KEYS = 1_000_000

function split(scanned: Scanned, firstKey: number, nextKey: number) {
  const sound: Sound[] = []
  const others: Sound[] = []
  const byKey = new Map<number, Sound>()
  const isRepeat = ({ key, payload }: Sound): boolean => byKey.get(key)?.payload.equals(payload) === true
  for (const record of soundIn(scanned)) {
    const { key } = record
    const last = sound.at(-1)?.key ?? firstKey - 1
    if (key > last && key < nextKey && key <= firstKey + MAX_KEYS) {
      sound.push(record)
      byKey.set(key, record)
    } else if (!isRepeat(record)) others.push(record)
  }
  return { sound, others, isRepeat }
}

/** Returns whether there was anything to report that should not be in the file the next time. */
function reportRotten(
  content: Buffer,
  { records, rotten, end }: Scanned,
  name: string,
  { bytes = 0 }: Bounds,
  report: (damage: Damage) => void,
): boolean {
  const broken = records.filter(({ payload }) => payload === undefined)
  const parts = [...broken, ...rotten].toSorted((one, other) => one.start - other.start)
  for (const { start, end: partEnd } of parts)
    report({ kind: 'entry', bytes: content.subarray(start, partEnd), where: `${name}, from byte ${start}` })
  const missing = bytes - content.length
  const rest = content.subarray(end)
  if (missing > 0)
    report({
      kind: 'entry',
      bytes: rest,
      where: `${name}, from byte ${end}; ${missing} bytes behind them are missing`,
    })
  else if (rest.length > 0) report({ kind: 'torn', bytes: rest, where: `${name}, from byte ${end}` })
  return parts.length > 0 || missing > 0
}
