import { world } from './world.ts'

/** Bytes that grow at the end. */
class Content {
  #room = Buffer.alloc(0)
  size = 0

  get bytes(): Buffer {
    return this.#room.subarray(0, this.size)
  }

  write(bytes: Uint8Array, offset: number): void {
    if (bytes.length === 0) return
    const end = offset + bytes.length
    if (end > this.#room.length) this.#room = Buffer.concat([this.bytes], 2 * end + 1_024)
    this.#room.set(bytes, offset)
    this.size = Math.max(this.size, end)
  }

  become(other: Content): void {
    this.size = 0
    this.#room = Buffer.alloc(0)
    this.write(other.bytes, 0)
  }
}

interface Unflushed {
  readonly offset: number
  readonly bytes: Buffer
}

/** A file, as processes see it and as a power cut leaves it. */
export class File {
  readonly #seen = new Content()
  readonly #flushed = new Content()
  readonly #unflushed: Unflushed[] = []
  /** How many writes there were. */
  written = 0

  get size(): number {
    return this.#seen.size
  }

  read(offset: number, length: number): Buffer {
    return Buffer.from(this.#seen.bytes.subarray(offset, offset + length))
  }

  write(content: Buffer, offset: number): void {
    this.written++
    this.#seen.write(content, offset)
    this.#unflushed.push({ offset, bytes: Buffer.from(content) })
  }

  /** The first `count` writes that there were are on the disk. */
  flush(count: number): void {
    for (const { bytes, offset } of this.#take(count)) this.#flushed.write(bytes, offset)
  }

  /** A flush failed: the system forgets what it was to write, at once or with the next power cut, although later flushes succeed. */
  forget(count: number, isAtOnce: boolean): void {
    this.#take(count)
    if (isAtOnce) this.#seeAgain()
  }

  #take(count: number): Unflushed[] {
    return this.#unflushed.splice(0, count - (this.written - this.#unflushed.length))
  }

  #seeAgain(): void {
    this.#seen.become(this.#flushed)
    for (const { bytes, offset } of this.#unflushed) this.#seen.write(bytes, offset)
  }

  /** Each write that was not flushed is there, in part, its rest as zeros, or not at all. */
  losePower(): void {
    const { random } = world
    for (const { bytes, offset } of this.#unflushed.splice(0)) {
      const kept = random.pick([0, 0, random.below(bytes.length + 1), bytes.length])
      if (kept === 0) continue
      this.#flushed.write(bytes.subarray(0, kept), offset)
      if (random.chance(0.5)) this.#flushed.write(Buffer.alloc(bytes.length - kept), offset + kept)
    }
    this.#seeAgain()
  }

  flipBit(bit: number): void {
    for (const content of [this.#seen, this.#flushed]) {
      const { bytes } = content
      const i = bit >> 3
      if (i < bytes.length) bytes[i] = (bytes[i] ?? 0) ^ (1 << (bit & 7))
    }
  }
}
