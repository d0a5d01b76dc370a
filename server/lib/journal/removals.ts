import { join } from 'node:path'
import type { Disk, OpenFile } from '../disk.ts'
import { removalsName } from './names.ts'
import { encodeRecord } from './records.ts'
import type { Segment } from './segment.ts'

interface Removed {
  file: OpenFile | undefined
  /** Where the next record begins in the file. */
  end: number
  /** Keys that the disk has not taken yet. */
  readonly unwritten: Set<number>
}

/** Writes beside a file which of its entries are removed. What the disk does not take is written with the next ones. */
export class Removals {
  readonly #disk: Disk
  readonly #folder: string
  readonly #bySegment = new Map<Segment, Removed>()

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** Resolves once on disk. One call at a time. */
  async write(segment: Segment, keys: readonly number[]): Promise<void> {
    const removed = this.#bySegment.get(segment) ?? { file: undefined, end: 0, unwritten: new Set() }
    this.#bySegment.set(segment, removed)
    for (const key of keys) removed.unwritten.add(key)
    const written = [...removed.unwritten]
    try {
      const file = (removed.file ??= await this.#create(segment))
      const record = encodeRecord(segment.removalFiles, Buffer.from(JSON.stringify(written)))
      await file.write(record, removed.end)
      await file.sync()
      removed.end += record.length
      for (const key of written) removed.unwritten.delete(key)
    } catch (error) {
      this.#leave(segment, removed)
      throw error
    }
  }

  /** What was written last cannot be trusted any more: the next ones go to a file of their own. */
  #leave(segment: Segment, removed: Removed): void {
    removed.file?.close()
    // Nothing in it counts, and a full disk has no room for it.
    if (removed.file && removed.end === 0)
      this.#disk.remove(join(this.#folder, removalsName(segment.name, --segment.removalFiles)))
    removed.file = undefined
    removed.end = 0
  }

  /** Closes what is open of a file. */
  forget(segment: Segment): void {
    this.#bySegment.get(segment)?.file?.close()
    this.#bySegment.delete(segment)
  }

  async #create(segment: Segment): Promise<OpenFile> {
    const name = join(this.#folder, removalsName(segment.name, segment.removalFiles))
    const file = await this.#disk.create(name)
    segment.removalFiles++
    try {
      await this.#disk.syncFolder(this.#folder)
    } catch (error) {
      file.close()
      throw error
    }
    return file
  }
}
