import { join } from 'node:path'
import type { Disk } from '../disk.ts'
import { HEADER_BYTES, recordAt } from './records.ts'

export interface Entry {
  readonly key: number
  /** As read: not what was written, if it is rotten. */
  readonly payload: Buffer
  readonly isRotten: boolean
}

/** Where the entries of one file are, and which of them are removed. Its keys follow one another without a hole. */
export class Segment {
  readonly name: string
  readonly firstKey: number
  /** Of each entry, and its complement if that is removed. A number each, for as many entries as the disk holds. */
  readonly #starts: number[] = []
  /** All before this one are removed. */
  #oldest = 0
  /** Where the last entry ends. */
  end = 0
  live = 0
  liveBytes = 0
  /** Whether something rotten is in the file, which the disk could not replace: it stays for the next start. */
  isUnhealed = false
  /** Files that say what is removed here. */
  removalFiles = 0

  constructor(name: string, firstKey: number) {
    this.name = name
    this.firstKey = firstKey
  }

  get nextKey(): number {
    return this.firstKey + this.#starts.length
  }

  /** Adds the next entry. */
  push(start: number, end: number): void {
    this.#starts.push(start)
    this.end = end
    this.live++
    this.liveBytes += end - start - HEADER_BYTES
  }

  /** Adds entries that are not there, up to before this key. */
  skipTo(key: number): void {
    while (this.nextKey < key) this.#starts.push(~this.end)
  }

  /** Whether this entry is here, and not removed. */
  has = (key: number): boolean => (this.#starts[key - this.firstKey] ?? -1) >= 0

  oldestKey(): number | undefined {
    while (this.#oldest < this.#starts.length && (this.#starts[this.#oldest] ?? -1) < 0) this.#oldest++
    return this.#oldest < this.#starts.length ? this.firstKey + this.#oldest : undefined
  }

  remove(key: number): void {
    const i = key - this.firstKey
    const start = this.#starts[i]
    if (start === undefined || start < 0) return
    this.liveBytes -= this.#endOf(i) - start - HEADER_BYTES
    this.live--
    this.#starts[i] = ~start
  }

  /**
   * Reads the oldest live entries from a key on, at most `limit`, without those that `skip` accepts. What is missing in the file is
   * rotten.
   */
  read(disk: Disk, folder: string, limit: number, skip: (key: number) => boolean, fromKey: number): Entry[] {
    const found: number[] = []
    this.oldestKey()
    for (
      let i = Math.max(this.#oldest, fromKey - this.firstKey);
      i < this.#starts.length && found.length < limit;
      i++
    )
      if ((this.#starts[i] ?? -1) >= 0 && !skip(this.firstKey + i)) found.push(i)
    const [first, last] = [found[0], found.at(-1)]
    if (first === undefined || last === undefined) return []
    const offset = this.#startOf(first)
    const bytes = disk.read(join(folder, this.name), offset, this.#endOf(last) - offset)
    return found.map((i) =>
      this.#entryAt(i, bytes.subarray(this.#startOf(i) - offset, this.#endOf(i) - offset)),
    )
  }

  #entryAt(i: number, bytes: Buffer): Entry {
    const key = this.firstKey + i
    const record = recordAt(bytes, 0)
    const isSound = record?.payload !== undefined && record.key === key && record.end === bytes.length
    return isSound && record.payload
      ? { key, payload: record.payload, isRotten: false }
      : { key, payload: bytes, isRotten: true }
  }

  #startOf(i: number): number {
    const start = this.#starts[i] ?? this.end
    return start < 0 ? ~start : start
  }

  #endOf(i: number): number {
    return this.#startOf(i + 1)
  }
}
