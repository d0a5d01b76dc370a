import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Disk } from '../disk.ts'
import { predecessorOf, readContent } from './file-content.ts'
import type { Bounds, LoadOptions, Sound } from './file-content.ts'
import { baseOf, healedName, JOURNAL_FILE, keyIn, newestOf, REMOVALS_FILE, segmentName } from './names.ts'
import { encodeRecord, scanRecords } from './records.ts'
import { Segment } from './segment.ts'

interface Loaded {
  readonly segments: readonly Segment[]
  readonly nextKey: number
}

/**
 * Reads what is in the folder of a journal. Entries that are rotten are reported, and then left out of the file, which is
 * replaced; the rest is as it was. Strays get keys of their own behind all others. What a full disk does not take is rotten
 * still at the next start, which reports it again. Throws if it does not take strays, which would be deleted with their file.
 */
export function loadSegments(disk: Disk, folder: string, options: LoadOptions): Loaded {
  const { readOnly, report, flushes } = options
  const names = disk.list(folder)
  const files = newestOf(names)
  const superseded = names.filter((name) => JOURNAL_FILE.test(name) && !files.includes(name))
  const bases = new Set(files.map(baseOf))
  const orphans = names.filter((name) => REMOVALS_FILE.test(name) && !bases.has(baseOf(name)))
  const needless = [...superseded, ...orphans, ...names.filter((one) => one.endsWith('.new'))]
  if (!readOnly) for (const name of needless) disk.remove(join(folder, name))

  const segments: Segment[] = []
  const strayed: (() => void)[] = []
  let nextKey = 1
  files.forEach((name, i) => {
    const next = files[i + 1]
    const bounds = {
      nextKey: next === undefined ? Infinity : keyIn(next),
      bytes: next === undefined ? undefined : predecessorOf(disk, join(folder, next), name),
    }
    const removed = readRemovals(disk, folder, name, names, options)
    const { sound, strays, isRotten } = readContent(disk, folder, name, bounds, options)
    const isHealed = isRotten && strays.length === 0 && !readOnly
    const segment = isHealed ? heal(disk, folder, name, sound) : indexed(name, sound)
    removed.applyTo(segment)
    nextKey = Math.max(nextKey, keyIn(name) + 1, segment.nextKey)
    segments.push(segment)
    if (strays.length > 0) strayed.push(() => takeIn(segment, bounds, removed))
  })
  if (!readOnly) for (const take of strayed) take()
  return { segments, nextKey }

  /** Reads the file again, because many files need not fit into memory. */
  function takeIn(segment: Segment, bounds: Bounds, removed: Removed): void {
    const { name } = segment
    const { sound, strays } = readContent(disk, folder, name, bounds, { flushes, report: () => undefined })
    const live = strays.filter(({ key }) => !removed.keys.has(key))
    const where = `${name}, ${live.length} entries`
    if (live.length > 0 && flushes) {
      segments.push(writeStrays(disk, folder, nextKey, live))
      nextKey += live.length
      report({ kind: 'strays', bytes: Buffer.alloc(0), where })
    } else if (live.length > 0)
      report({ kind: 'entry', bytes: Buffer.concat(live.map(({ payload }) => payload)), where })
    const healed = heal(disk, folder, name, sound)
    removed.applyTo(healed)
    segments.splice(segments.indexOf(segment), 1, healed)
  }
}

/** Puts a file with these entries in the place of this one, unless the disk is full or failing. */
function heal(disk: Disk, folder: string, name: string, sound: readonly Sound[]): Segment {
  const healed = healedName(name)
  const records = sound.map(({ key, payload }) => encodeRecord(key, payload))
  if (!hasTaken(() => disk.replace(join(folder, healed), Buffer.concat(records)))) {
    const unhealed = indexed(name, sound)
    unhealed.isUnhealed = true
    return unhealed
  }
  disk.remove(join(folder, name))
  let at = 0
  return indexed(
    healed,
    sound.map((record, i) => ({ ...record, start: at, end: (at += records[i]?.length ?? 0) })),
  )
}

/** Writes a file with these entries, under keys from `firstKey` on. */
function writeStrays(disk: Disk, folder: string, firstKey: number, strays: readonly Sound[]): Segment {
  const name = segmentName(firstKey, randomBytes(4).toString('hex'))
  const records = strays.map(({ payload }, i) => encodeRecord(firstKey + i, payload))
  disk.replace(join(folder, name), Buffer.concat(records))
  const segment = new Segment(name, firstKey)
  for (const { length } of records) segment.push(segment.end, segment.end + length)
  return segment
}

/** Returns whether the disk has taken it. */
function hasTaken(write: () => void): boolean {
  try {
    write()
    return true
  } catch {
    return false
  }
}

function indexed(name: string, records: readonly Sound[]): Segment {
  const segment = new Segment(name, keyIn(name))
  for (const { key, start, end } of records) {
    segment.skipTo(key)
    segment.push(start, end)
  }
  return segment
}

interface Removed {
  readonly keys: ReadonlySet<number>
  applyTo(segment: Segment): void
}

/** Reads which entries of a file are removed. */
function readRemovals(
  disk: Disk,
  folder: string,
  name: string,
  names: readonly string[],
  { report, readOnly }: LoadOptions,
): Removed {
  const keys = new Set<number>()
  let files = 0
  for (const file of names.filter((one) => REMOVALS_FILE.test(one) && baseOf(one) === baseOf(name))) {
    files = Math.max(files, Number(file.slice(file.lastIndexOf('-') + 1)) + 1)
    const path = join(folder, file)
    const content = disk.read(path)
    const { records, rotten } = scanRecords(content)
    const sound = records.filter((record): record is Sound => record.payload !== undefined)
    for (const { payload } of sound)
      for (const key of JSON.parse(payload.toString()) as number[]) keys.add(key)
    if (rotten.length === 0 && sound.length === records.length) continue
    report({ kind: 'removals', bytes: content, where: path })
    const whole = Buffer.concat(sound.map(({ key, payload }) => encodeRecord(key, payload)))
    if (!readOnly) hasTaken(() => disk.replace(path, whole))
  }
  return {
    keys,
    applyTo(segment) {
      for (const key of keys) segment.remove(key)
      segment.removalFiles = files
    },
  }
}
