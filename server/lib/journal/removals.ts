import { join } from 'node:path'
import type { Disk, OpenFile } from '../disk.ts'
import { removalsName } from './load.ts'
import { encodeRecord } from './records.ts'
import type { Segment } from './segment.ts'

/** Writes beside a file which of its entries are removed. */
export class Removals {
  readonly #disk: Disk
  readonly #folder: string
  readonly #open = new Map<Segment, { readonly file: OpenFile; end: number }>()

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** Resolves once on disk. One call at a time. */
  async write(segment: Segment, keys: readonly number[]): Promise<void> {
    const record = encodeRecord(segment.removalFiles, Buffer.from(JSON.stringify(keys)))
    try {
      const open = this.#open.get(segment) ?? (await this.#create(segment))
      await open.file.write(record, open.end)
      open.end += record.length
      await open.file.sync()
    } catch (error) {
      // What was written there cannot be trusted any more: the next ones go to a file of their own.
      this.forget(segment)
      throw error
    }
  }

  /** Closes what is open of a file. */
  forget(segment: Segment): void {
    this.#open.get(segment)?.file.close()
    this.#open.delete(segment)
  }

  async #create(segment: Segment) {
    const file = await this.#disk.create(
      join(this.#folder, removalsName(segment.name, segment.removalFiles++)),
    )
    const open = { file, end: 0 }
    this.#open.set(segment, open)
    await this.#disk.syncFolder(this.#folder)
    return open
  }
}
