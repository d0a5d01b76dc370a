import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Disk, OpenFile } from '../disk.ts'
import { predecessorRecord } from './file-content.ts'
import { segmentName } from './names.ts'
import { encodeRecord, encodeRecords, HEADER_BYTES } from './records.ts'
import { Segment } from './segment.ts'

/** Entries that are written together. */
interface Pending {
  readonly payloads: readonly Buffer[]
  readonly bytes: number
  /** Called with the key of the first. */
  readonly resolve: (key: number) => void
  readonly reject: (error: unknown) => void
}

interface Active {
  readonly file: OpenFile
  readonly segment: Segment
  end: number
}

interface WriterOptions {
  readonly disk: Disk
  readonly folder: string
  /** A file that is longer is followed by another one. */
  readonly segmentBytes: number
  readonly segments: Segment[]
  readonly nextKey: number
  /** See `JournalOptions`. */
  readonly flushes: boolean
}

/**
 * Appends entries to the last file: one flush serves all that wait. After a failure nothing more is written to that file, because
 * a disk that failed to flush may have dropped what it had; what was confirmed before stays.
 */
export class Writer {
  readonly #options: WriterOptions
  #nextKey: number
  #pending: Pending[] = []
  #writing: Promise<void> | undefined
  #active: Active | undefined
  /** With what was not flushed yet. */
  readonly #unflushed = new Set<OpenFile>()
  /** Being flushed, so that nobody closes them. */
  #flushing: readonly OpenFile[] = []
  #isFolderUnflushed = false
  /** Whether a flush of the last file has failed. */
  #isDistrusted = false

  constructor(options: WriterOptions) {
    this.#options = options
    this.#nextKey = options.nextKey
  }

  /** The key of the newest entry, those included that are being written. */
  newestKey(): number {
    return this.#nextKey - 1 + countOf(this.#pending)
  }

  isWriting(): boolean {
    return this.#writing !== undefined
  }

  /** Whether the next entry goes to this file. */
  isActive = (segment: Segment): boolean => this.#active?.segment === segment

  /** Resolves to the key of the first; those of the others follow. All are in one file, or none is written. */
  append(payloads: readonly Buffer[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const bytes = payloads.reduce((sum, { length }) => sum + length, 0)
      this.#pending.push({ payloads, bytes, resolve, reject })
      this.#writing ??= this.#writeAll()
    })
  }

  /** Writes files that are complete. */
  importSync(payloads: Iterable<Buffer>): void {
    let records: Buffer[] = []
    let bytes = 0
    for (const payload of payloads) {
      records.push(encodeRecord(this.#nextKey + records.length, payload))
      bytes += payload.length
      if (bytes < this.#options.segmentBytes) continue
      this.#importFile(records)
      records = []
      bytes = 0
    }
    if (records.length > 0) this.#importFile(records)
  }

  #importFile(records: readonly Buffer[]): void {
    const { disk, folder, segments } = this.#options
    const segment = this.#newSegment()
    disk.replace(join(folder, segment.name), Buffer.concat(records))
    for (const { length } of records) segment.push(segment.end, segment.end + length)
    segments.push(segment)
    this.#nextKey += records.length
  }

  #newSegment = (): Segment =>
    new Segment(segmentName(this.#nextKey, randomBytes(4).toString('hex')), this.#nextKey)

  /** Resolves once what is being written now has ended, well or not. */
  async written(): Promise<void> {
    await this.#writing
  }

  /** Lets the next entry begin another file. */
  leaveFile(): void {
    const file = this.#active?.file
    this.#active = undefined
    this.#isDistrusted = false
    if (file) this.#closeIfDone(file)
  }

  #closeIfDone(file: OpenFile): void {
    const isInUse = this.#active?.file === file || this.#unflushed.has(file) || this.#flushing.includes(file)
    if (!isInUse) file.close()
  }

  /** Resolves once what is written now is flushed to disk. After a failure, nothing of it can be trusted. One call at a time. */
  async flush(): Promise<void> {
    const { disk, folder } = this.#options
    const files = [...this.#unflushed]
    const isFolderUnflushed = this.#isFolderUnflushed
    this.#flushing = files
    this.#unflushed.clear()
    this.#isFolderUnflushed = false
    try {
      if (isFolderUnflushed) await disk.syncFolder(folder)
      for (const file of files) await file.sync()
    } catch (error) {
      this.#isFolderUnflushed ||= isFolderUnflushed
      this.#isDistrusted = this.#active !== undefined && files.includes(this.#active.file)
      throw error
    } finally {
      this.#flushing = []
      for (const file of files) this.#closeIfDone(file)
    }
  }

  async #writeAll(): Promise<void> {
    // All that are appended in this turn share the first write.
    await Promise.resolve()
    while (this.#pending.length > 0) {
      const batch = this.#nextBatch()
      let key = this.#nextKey
      try {
        await this.#write(
          batch.flatMap(({ payloads }) => payloads),
          key,
        )
        for (const { payloads, resolve } of batch) {
          resolve(key)
          key += payloads.length
        }
      } catch (error) {
        this.#abandonFile()
        for (const { reject } of batch) reject(error)
      }
    }
    this.#writing = undefined
  }

  #nextBatch(): Pending[] {
    let bytes = 0
    const rest = this.#pending.findIndex((one) => (bytes += one.bytes) > this.#options.segmentBytes)
    return this.#pending.splice(0, rest === -1 ? this.#pending.length : Math.max(1, rest))
  }

  /** Writes the batch to the last file, and to another one if that has been deleted by somebody else. */
  async #write(payloads: readonly Buffer[], firstKey: number, isSecondTry = false): Promise<void> {
    const content = encodeRecords(firstKey, payloads)
    const { segmentBytes, flushes } = this.#options
    if (this.#isDistrusted || (this.#active?.end ?? 0) + content.length > segmentBytes) this.leaveFile()
    const active = this.#active ?? (await this.#begin())
    if (!flushes) this.#unflushed.add(active.file)
    await active.file.write(content, active.end)
    if (flushes) await active.file.sync()
    else this.#unflushed.add(active.file)
    if (!active.file.hasName()) {
      this.leaveFile()
      if (isSecondTry) throw new Error(`${active.segment.name} is deleted while it is written`)
      return await this.#write(payloads, firstKey, true)
    }
    for (const { length } of payloads) {
      const end = active.end + HEADER_BYTES + length
      active.segment.push(active.end, end)
      active.end = end
    }
    this.#nextKey += payloads.length
  }

  async #begin(): Promise<Active> {
    const { disk, folder, segments, flushes } = this.#options
    const segment = this.#newSegment()
    // The end of the file before may still be lost by a power cut, which is not rot.
    const before = flushes ? segments.at(-1) : undefined
    const header = predecessorRecord(before && { name: before.name, bytes: before.end })
    const active = {
      file: await disk.create(join(folder, segment.name)),
      segment,
      end: header.length,
    }
    this.#active = active
    await active.file.write(header, 0)
    if (flushes) await disk.syncFolder(folder)
    else this.#isFolderUnflushed = true
    segments.push(segment)
    return active
  }

  #abandonFile(): void {
    const { disk, folder, segments } = this.#options
    const abandoned = this.#active?.segment
    try {
      this.leaveFile()
      if (abandoned === undefined || abandoned.nextKey > abandoned.firstKey) return
      // It holds nothing that was confirmed, and a full disk has no room for it. No other file begins with the same key.
      this.#nextKey++
      if (segments.at(-1) === abandoned) segments.pop()
      disk.remove(join(folder, abandoned.name))
    } catch {
      // The disk fails, which the callers are told by the error before this one.
    }
  }
}

const countOf = (pending: readonly Pending[]): number =>
  pending.reduce((sum, { payloads }) => sum + payloads.length, 0)
