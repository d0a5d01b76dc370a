import { join } from 'node:path'
import type { Disk } from '../disk.ts'
import { encodeRecord, recordAt, scanRecords } from './records.ts'
import type { FoundRecord, Scanned } from './records.ts'
import { Segment } from './segment.ts'

/** What is wrong in a file. An entry is lost; what is torn was never confirmed; removals that are lost are made again. */
export interface Damage {
  readonly kind: 'entry' | 'torn' | 'removals'
  /** As read. */
  readonly bytes: Buffer
  /** File and place, in words. */
  readonly where: string
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

const JOURNAL_FILE = /^(\d{16}-[0-9a-f]{8})(?:\.(\d+))?\.journal$/
const REMOVALS_FILE = /^(\d{16}-[0-9a-f]{8})\.removed-\d+$/

/** `id`: eight hexadecimal digits, so that no file of an earlier journal in this folder has the same name. */
export const segmentName = (firstKey: number, id: string): string =>
  `${String(firstKey).padStart(16, '0')}-${id}.journal`

export const removalsName = (segment: string, number: number): string =>
  `${JOURNAL_FILE.exec(segment)?.[1] ?? segment}.removed-${number}`

export const removalsOf = (segment: Segment): string[] =>
  Array.from({ length: segment.removalFiles }, (_, number) => removalsName(segment.name, number))

interface LoadOptions {
  readonly report: (damage: Damage) => void
  /** Changes nothing. */
  readonly readOnly: boolean
}

interface Loaded {
  readonly segments: readonly Segment[]
  readonly nextKey: number
}

/**
 * Reads what is in the folder of a journal. Entries that are rotten are reported, and then left out of the file, which is
 * replaced; the rest is as it was.
 */
export function loadSegments(disk: Disk, folder: string, options: LoadOptions): Loaded {
  const { readOnly } = options
  const names = disk.list(folder)
  const files = newestOf(names)
  const superseded = names.filter((name) => JOURNAL_FILE.test(name) && !files.includes(name))
  const bases = new Set(files.map(baseOf))
  const orphans = names.filter((name) => REMOVALS_FILE.test(name) && !bases.has(baseOf(name)))
  const needless = [...superseded, ...orphans, ...names.filter((one) => one.endsWith('.new'))]
  if (!readOnly) for (const name of needless) disk.remove(join(folder, name))

  const segments: Segment[] = []
  let nextKey = 1
  files.forEach((name, i) => {
    const next = files[i + 1]
    const bounds = {
      nextKey: next === undefined ? Infinity : keyIn(next),
      bytes: next === undefined ? undefined : predecessorOf(disk, join(folder, next), name),
    }
    const segment = loadSegment(disk, folder, name, bounds, options)
    nextKey = Math.max(nextKey, keyIn(name) + 1, segment.nextKey)
    for (const file of names.filter((one) => REMOVALS_FILE.test(one) && baseOf(one) === baseOf(name)))
      loadRemovals(disk, join(folder, file), segment, options)
    segments.push(segment)
  })
  return { segments, nextKey }
}

/** Returns the files in the order of their keys; of one that was replaced by another, only the latter. */
function newestOf(names: readonly string[]): string[] {
  const newest = new Map<string, string>()
  for (const name of names) {
    if (!JOURNAL_FILE.test(name)) continue
    const known = newest.get(baseOf(name))
    if (known === undefined || generationOf(known) < generationOf(name)) newest.set(baseOf(name), name)
  }
  return [...newest.values()].toSorted()
}

const baseOf = (name: string): string => (JOURNAL_FILE.exec(name) ?? REMOVALS_FILE.exec(name))?.[1] ?? ''
const generationOf = (name: string): number => Number(JOURNAL_FILE.exec(name)?.[2] ?? 0)
const keyIn = (name: string): number => Number(name.slice(0, 16))

/** Returns how long the file `name` was when the file after it was begun; undefined if that does not say. */
function predecessorOf(disk: Disk, after: string, name: string): number | undefined {
  const record = recordAt(disk.read(after, 0, 4_096), 0)
  if (record?.key !== PREDECESSOR_KEY || record.payload === undefined) return undefined
  const before = JSON.parse(record.payload.toString()) as Predecessor | null
  return before?.name === name ? before.bytes : undefined
}

interface Bounds {
  /** Entries from this key on were not confirmed here, but in the next file. */
  readonly nextKey: number
  /** How long the file was. */
  readonly bytes: number | undefined
}

function loadSegment(
  disk: Disk,
  folder: string,
  name: string,
  bounds: Bounds,
  { report, readOnly }: LoadOptions,
): Segment {
  const content = disk.read(join(folder, name)).subarray(0, bounds.bytes)
  const scanned = scanRecords(content)
  const sound = soundOf(scanned, keyIn(name), bounds.nextKey)
  const isRotten = reportRotten(content, scanned, name, bounds, report)
  if (!isRotten || readOnly) return indexed(name, sound)

  const healed = `${baseOf(name)}.${generationOf(name) + 1}.journal`
  const records = sound.map(({ key, payload }) => encodeRecord(key, payload))
  disk.replace(join(folder, healed), Buffer.concat(records))
  disk.remove(join(folder, name))
  let at = 0
  return indexed(
    healed,
    sound.map((record, i) => ({ ...record, start: at, end: (at += records[i]?.length ?? 0) })),
  )
}

/** More than a file ever holds. */
const MAX_KEYS = 1_000_000

type Sound = FoundRecord & { readonly payload: Buffer }

function soundOf({ records }: Scanned, firstKey: number, nextKey: number): Sound[] {
  let last = firstKey - 1
  return records.filter((record): record is Sound => {
    const { key, payload } = record
    if (payload === undefined || key <= last || key >= nextKey || key > firstKey + MAX_KEYS) return false
    last = key
    return true
  })
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

function indexed(name: string, records: readonly Sound[]): Segment {
  const segment = new Segment(name, keyIn(name))
  for (const { key, start, end } of records) {
    segment.skipTo(key)
    segment.push(start, end)
  }
  return segment
}

function loadRemovals(disk: Disk, file: string, segment: Segment, { report, readOnly }: LoadOptions): void {
  const content = disk.read(file)
  const { records, rotten } = scanRecords(content)
  const sound = records.filter((record): record is Sound => record.payload !== undefined)
  for (const { payload } of sound)
    for (const key of JSON.parse(payload.toString()) as number[]) segment.remove(key)
  segment.removalFiles = Math.max(segment.removalFiles, Number(file.slice(file.lastIndexOf('-') + 1)) + 1)
  if (rotten.length === 0 && sound.length === records.length) return
  report({ kind: 'removals', bytes: content, where: file })
  if (!readOnly)
    disk.replace(file, Buffer.concat(sound.map(({ key, payload }) => encodeRecord(key, payload))))
}
