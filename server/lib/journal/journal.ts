import { join } from 'node:path'
import { systemDisk } from '../disk.ts'
import type { Disk } from '../disk.ts'
import type { Damage } from './file-content.ts'
import { loadSegments } from './load.ts'
import { removalsOf } from './names.ts'
import { Removals } from './removals.ts'
import type { Entry, Segment } from './segment.ts'
import { Writer } from './writer.ts'

export type { Damage } from './file-content.ts'
export type { Entry } from './segment.ts'

interface JournalOptions {
  /** Holds nothing else; created if missing. */
  readonly folder: string
  /** Size after which another file is begun, in bytes. A file is deleted when all in it is removed. */
  readonly segmentBytes?: number
  readonly disk?: Disk
  /**
   * Default: true. Otherwise an entry counts as appended once the operating system has it: it survives kill -9, and a power cut once
   * `flush` has resolved. Its entries mean nothing in another journal, so strays are not taken in.
   */
  readonly flushes?: boolean
  /** Changes nothing: another process owns the journal. */
  readonly readOnly?: boolean
  /**
   * Called with what is found damaged in the files, before `openJournal` returns. An entry is gone from the files afterwards. Later
   * with each file that is gone, and with it all its entries; an entry that rots later is returned as it is read.
   */
  readonly onDamage?: (damage: Damage) => void
}

interface ReadOptions {
  readonly skip?: ((key: number) => boolean) | undefined
  readonly fromKey?: number | undefined
}

/**
 * A queue on disk that survives kill -9 and a power cut: entries with checksums in files that only grow. Methods reject, or throw,
 * errors of the file system.
 */
export interface Journal {
  /** Resolves to the key of the entry once it is flushed to disk, see `flushes`. Keys grow. */
  append(payload: Buffer): Promise<number>
  /** Appends entries together; all, or none. Resolves to the key of the first; those of the others follow. */
  appendAll(payloads: readonly Buffer[]): Promise<number>
  /**
   * Resolves once all that `append` has resolved for is flushed to disk. After a failure it may be lost, also if it can still be
   * read. One call at a time.
   */
  flush(): Promise<void>
  /** Appends entries in a file of their own, flushed to disk. Only before `append` is called. */
  importSync(payloads: Iterable<Buffer>): void
  /** Returns the oldest entries that are on disk from this key on, without those whose key `skip` accepts. */
  read(limit: number, options?: ReadOptions): Entry[]
  /** Resolves once that is on disk too. After a failure they are removed all the same, but may be back after a restart. */
  remove(keys: readonly number[]): Promise<void>
  /** Deletes the files that hold no entry from this key on. They may be back after a power cut. */
  dropBefore(key: number): void
  /** Returns how many entries there are. */
  size(): number
  /** Returns the size of their payloads. */
  bytes(): number
  /** Returns the oldest key; undefined without an entry. */
  oldestKey(): number | undefined
  /** Returns the newest key, of an entry that is being written too; 0 before the first. */
  newestKey(): number
  /** Returns whether entries are being written that `read` cannot see yet. */
  isWriting(): boolean
  /** Resolves once the writes that are under way now have ended, well or not. */
  written(): Promise<void>
  close(): Promise<void>
}

const SEGMENT_BYTES = 2 ** 22
/** A shorter file is used again when all in it is removed, because creating one costs two flushes. */
const REUSED_BYTES = 2 ** 16

/** Opens the journal in a folder, with what an earlier process left there. Throws errors of the file system. */
export function openJournal({
  folder,
  segmentBytes = SEGMENT_BYTES,
  disk = systemDisk,
  flushes = true,
  readOnly = false,
  onDamage = () => undefined,
}: JournalOptions): Journal {
  if (!readOnly) disk.makeFolder(folder)
  const loaded = loadSegments(disk, folder, { report: onDamage, readOnly, flushes })
  const segments: Segment[] = [...loaded.segments]
  const writer = new Writer({ disk, folder, segmentBytes, segments, nextKey: loaded.nextKey, flushes })
  const removals = new Removals(disk, folder)
  let removing: Promise<unknown> = Promise.resolve()

  function inTurn(work: () => Promise<void>): Promise<void> {
    const ended = removing.then(work)
    removing = ended.catch(() => undefined)
    return ended
  }

  const isNeedless = ({ live, isUnhealed }: Segment): boolean => live === 0 && !isUnhealed
  if (!readOnly) for (const segment of segments.filter(isNeedless)) deleteFile(segment)

  function deleteFile(segment: Segment): void {
    removals.forget(segment)
    if (writer.isActive(segment)) writer.leaveFile()
    segments.splice(segments.indexOf(segment), 1)
    disk.remove(join(folder, segment.name))
  }

  /** Forgets a file that somebody else has deleted: its owner, if that is another process, because all in it was removed. */
  function missing(segment: Segment): void {
    // The writer finds out by itself, and then begins another one.
    if (readOnly || (writer.isActive(segment) && writer.isWriting())) return
    const where = `${segment.name}, which is gone, with ${segment.live} entries`
    deleteFile(segment)
    onDamage({ kind: 'entry', bytes: Buffer.alloc(0), where })
  }

  /** Deletes a file, and then what says of its entries that they are removed: never the other way round on disk. */
  async function discard(segment: Segment): Promise<void> {
    deleteFile(segment)
    await disk.syncFolder(folder)
    for (const name of removalsOf(segment)) disk.remove(join(folder, name))
  }

  async function removeNow(keys: readonly number[]): Promise<void> {
    const bySegment = new Map<Segment, number[]>()
    for (const key of new Set(keys)) {
      const segment = segments.findLast(({ firstKey }) => firstKey <= key)
      if (segment?.has(key)) bySegment.set(segment, [...(bySegment.get(segment) ?? []), key])
    }
    const failures: unknown[] = []
    for (const [segment, own] of bySegment) {
      const isAll = own.length === segment.live && !writer.isActive(segment) && !segment.isUnhealed
      if (!isAll) await removals.write(segment, own).catch((error: unknown) => failures.push(error))
      // Also if the disk failed: they would be published again and again, and a full disk would stay full.
      for (const key of own) segment.remove(key)
    }
    for (const segment of segments.filter(isDone)) await discard(segment)
    if (failures.length > 0) throw failures[0]
  }

  const isDone = (segment: Segment): boolean =>
    isNeedless(segment) && (!writer.isActive(segment) || (!writer.isWriting() && segment.end >= REUSED_BYTES))

  return {
    append: (payload) => writer.append([payload]),
    appendAll: (payloads) => writer.append(payloads),
    flush: () => writer.flush(),
    importSync: (payloads) => writer.importSync(payloads),

    read(limit, { skip = () => false, fromKey = 0 } = {}) {
      const found: Entry[] = []
      for (const segment of segments.slice()) {
        if (found.length >= limit) break
        if (segment.live === 0 || segment.nextKey <= fromKey) continue
        if (disk.size(join(folder, segment.name)) === undefined) missing(segment)
        else found.push(...segment.read(disk, folder, limit - found.length, skip, fromKey))
      }
      return found
    },

    remove: (keys) => inTurn(() => removeNow(keys)),

    dropBefore(key) {
      const isDropped = (segment: Segment): boolean => segment.nextKey <= key && !writer.isActive(segment)
      for (const segment of segments.filter(isDropped)) deleteFile(segment)
    },

    size: () => segments.reduce((sum, { live }) => sum + live, 0),
    bytes: () => segments.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
    oldestKey: () => segments.find(({ live }) => live > 0)?.oldestKey(),
    newestKey: () => writer.newestKey(),
    isWriting: () => writer.isWriting(),
    written: () => writer.written(),

    async close() {
      await writer.written()
      await removing
      await writer.flush().finally(() => writer.leaveFile())
      for (const segment of segments) removals.forget(segment)
      if (!readOnly) for (const segment of segments.filter(isNeedless)) deleteFile(segment)
    },
  }
}
