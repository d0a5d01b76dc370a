import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import { isatty } from 'node:tty'

export const MAX_QUEUED_BYTES = 1024 * 1024
/** Small enough for a pipe to take it whole, and for a reader to see whole lines. */
const MAX_CHUNK_BYTES = 16 * 1024
const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 2_000

interface Chunk {
  readonly bytes: Buffer
  /** How many lines are lost if it cannot be written. */
  readonly lines: number
  readonly isBegun: boolean
}

/**
 * Writes lines to a file descriptor without ever waiting for whoever reads them: a stalled reader, a closed pipe or a full
 * disk must not stop the webhooks. Lines wait in a queue of 1 MiB; beyond it the newest are dropped. `describeDropped` makes
 * the line that tells how many were, once lines can be written again.
 */
export class LogWriter {
  readonly #fd: number
  /** A regular file has no non-blocking mode, so another thread writes to it. */
  readonly #isFile: boolean
  readonly #describeDropped: (lines: number) => string
  #queue: Buffer[] = []
  #queuedBytes = 0
  /** The rest of the chunk being written. */
  #chunk: Chunk | undefined
  /** Whether the chunk was cut off in the middle, so that what follows must begin on a line of its own. */
  #isTorn = false
  #isScheduled = false
  #retryMs = RETRY_MIN_MS
  #dropped = 0

  constructor(fd: number, describeDropped: (lines: number) => string) {
    this.#isFile = fstatSync(fd).isFile()
    this.#fd = this.#isFile ? fd : withoutBlocking(fd)
    this.#describeDropped = describeDropped
  }

  /** Takes a line, with its newline. Never blocks and never throws. */
  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#queuedBytes + bytes.length > MAX_QUEUED_BYTES) {
      this.#dropped++
      return
    }
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    if (this.#isScheduled) return
    this.#isScheduled = true
    // Once for all lines of this turn of the event loop.
    setImmediate(() => this.#writeNext())
  }

  /** Writes what can be written without waiting. For the end of the process. */
  flushSync(): void {
    try {
      // What another thread is writing is written before the process ends.
      if (this.#isFile) this.#chunk = undefined
      for (let chunk = this.#next(); chunk !== undefined; chunk = this.#next()) {
        this.#written(writeSync(this.#fd, chunk.bytes))
      }
    } catch {
      // The reader does not read, or is gone.
    }
  }

  #writeNext(): void {
    const chunk = this.#next()
    if (chunk === undefined) {
      this.#isScheduled = false
      return
    }
    if (this.#isFile) {
      write(this.#fd, chunk.bytes, (error, bytes) => (error ? this.#failed(error) : this.#proceed(bytes)))
      return
    }
    let bytes: number
    try {
      bytes = writeSync(this.#fd, chunk.bytes)
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException)
      return
    }
    this.#proceed(bytes)
  }

  #proceed(bytes: number): void {
    this.#written(bytes)
    this.#retryMs = RETRY_MIN_MS
    setImmediate(() => this.#writeNext())
  }

  /** Keeps the chunk if the reader is only slow. Drops it if it cannot be written, and tries the next one later. */
  #failed({ code }: NodeJS.ErrnoException): void {
    if (code !== 'EAGAIN' && this.#chunk !== undefined) {
      this.#dropped += this.#chunk.lines
      this.#isTorn ||= this.#chunk.isBegun
      this.#chunk = undefined
    }
    // A process that has nothing else to do may end.
    setTimeout(() => this.#writeNext(), this.#retryMs).unref()
    this.#retryMs = Math.min(this.#retryMs * 2, code === 'EAGAIN' ? RETRY_MIN_MS : RETRY_MAX_MS)
  }

  /** Returns what to write next: the rest of the chunk, or the lines that fit into a new one. */
  #next(): Chunk | undefined {
    if (this.#chunk !== undefined) return this.#chunk
    const parts: Buffer[] = []
    let length = 0
    let lines = 0
    const dropped = this.#dropped
    if (dropped > 0) {
      parts.push(Buffer.from(`${this.#isTorn ? '\n' : ''}${this.#describeDropped(dropped)}`))
      this.#dropped = 0
      this.#isTorn = false
    }
    for (const bytes of this.#queue) {
      if (lines > 0 && length + bytes.length > MAX_CHUNK_BYTES) break
      parts.push(bytes)
      length += bytes.length
      lines++
    }
    if (parts.length === 0) return undefined
    this.#queue = this.#queue.slice(lines)
    this.#queuedBytes -= length
    this.#chunk = { bytes: Buffer.concat(parts), lines: lines + dropped, isBegun: false }
    return this.#chunk
  }

  #written(bytes: number): void {
    if (this.#chunk === undefined) return
    const rest = this.#chunk.bytes.subarray(bytes)
    this.#chunk = rest.length === 0 ? undefined : { ...this.#chunk, bytes: rest, isBegun: true }
  }
}

/**
 * Returns a descriptor of the same pipe, socket or terminal to which a write never blocks. Opened anew if possible, because
 * the mode belongs to the open file, which other processes share.
 */
function withoutBlocking(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    // A socket, or a pipe of another user. The stream of Node sets the mode when it is first used.
    if (fd === 2 && !isatty(fd)) process.stderr.on('error', () => undefined)
    return fd
  }
}
