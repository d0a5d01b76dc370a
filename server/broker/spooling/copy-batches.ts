import { crc32 } from 'node:zlib'

/** Copies that were confirmed between two markers, as stored beside their text. */
export interface Batch {
  /** Its number, in the order of confirmation. */
  readonly key: number
  /** The marker that was sent last before these were confirmed: they have survived if the broker has a greater one. */
  marker: number
  /** When the first of them was confirmed, in ms since 1970. */
  readonly atMs: number
  recalls: number
  bytes: number
  /** Whether there are ends of groups among them. */
  hasEnds: boolean
  /** The broker may have lost them, and they have not been stored again. */
  isLost: boolean
  /** Of the text, to recognize one that the disk returns otherwise. */
  checksum: number
}

/** The batches that are kept, and which of them the broker may have lost. */
export class Batches {
  readonly #batches = new Map<number, Batch>()
  #nextKey = 1
  #marker = 0
  #bytes = 0
  #recalls = 0

  constructor(stored: Iterable<{ readonly key: number; readonly value: Batch }>) {
    for (const { key, value } of stored) {
      this.#batches.set(key, value)
      this.#nextKey = key + 1
      this.#marker = Math.max(this.#marker, value.marker)
      this.#bytes += value.bytes
      this.#recalls += value.recalls
    }
  }

  get = (key: number): Batch | undefined => this.#batches.get(key)
  has = (key: number): boolean => this.#batches.has(key)
  size = () => ({ recalls: this.#recalls, bytes: this.#bytes })

  begin(atMs: number): Batch {
    const key = this.#nextKey++
    const batch = {
      key,
      marker: this.#marker,
      atMs,
      recalls: 0,
      bytes: 0,
      hasEnds: false,
      isLost: false,
      checksum: 0,
    }
    this.#batches.set(key, batch)
    return batch
  }

  grow(batch: Batch, bytes: number, isEnd: boolean): void {
    batch.bytes += bytes
    this.#bytes += bytes
    if (isEnd) batch.hasEnds = true
    else {
      batch.recalls++
      this.#recalls++
    }
  }

  /** Returns the text of the batch, to which nothing is added any more. */
  seal(batch: Batch, lines: readonly string[]): string {
    const text = lines.join('\n')
    batch.checksum = crc32(text)
    return text
  }

  /** Returns the next marker. The clock makes it greater than those of an earlier process that are not known here. */
  advance(nowMs: number): number {
    this.#marker = Math.max(this.#marker + 1, nowMs)
    return this.#marker
  }

  /** Marks what has not certainly survived as lost, given the marker that the broker still has, and returns it. */
  lose(survivor: number): Batch[] {
    const lost = [...this.#batches.values()].filter((batch) => batch.marker >= survivor)
    // What follows is confirmed by a broker that has lost these.
    this.#marker = Math.max(this.#marker, survivor)
    for (const batch of lost) batch.isLost = true
    return lost
  }

  lost(): Batch[] {
    return [...this.#batches.values()].filter(({ isLost }) => isLost)
  }

  /** Replaces the text of a batch that was stored again just now, and returns it. */
  restore(batch: Batch, lines: readonly string[]): string {
    const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
    this.#bytes += bytes - batch.bytes
    Object.assign(batch, { marker: this.#marker, bytes, isLost: false })
    return this.seal(batch, lines)
  }

  /** Drops the oldest until the rest has no more than `maxBytes`. */
  dropBeyond(maxBytes: number, onDropped: (batch: Batch) => void): void {
    for (const batch of this.#batches.values()) {
      if (this.#bytes <= maxBytes) return
      this.#drop(batch, onDropped)
    }
  }

  /** Drops what was confirmed before this time and is not lost. */
  dropBefore(atMs: number, onDropped: (batch: Batch) => void): void {
    for (const batch of this.#batches.values()) {
      if (batch.atMs >= atMs) return
      if (!batch.isLost) this.#drop(batch, onDropped)
    }
  }

  #drop(batch: Batch, onDropped: (batch: Batch) => void): void {
    this.#batches.delete(batch.key)
    this.#bytes -= batch.bytes
    this.#recalls -= batch.recalls
    onDropped(batch)
  }
}

/** Whether this is the text of the batch, as it was written. */
export const isSound = ({ checksum }: Batch, text: string): boolean => text !== '' && crc32(text) === checksum
