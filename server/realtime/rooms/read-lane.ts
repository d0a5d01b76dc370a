import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** Enough to keep the store busy, few enough that publishing never waits for more than a few milliseconds behind them. */
const MAX_CONCURRENT_READS = 32
const MAX_RETRY_DELAY_MS = 5_000

interface Waiting {
  readonly start: () => void
  next?: Waiting
}

/** Failures of one room in a row, and how many reads had succeeded by the last of them. */
interface Failed {
  readonly times: number
  readonly successes: number
}

/**
 * Paces the reads by which the rooms of a node catch up with their logs. After an interruption every room must read its log,
 * and there may be 100,000: they take turns, in order. After a failure all pause together, and then continue with a single
 * read, so that retries never add to the load that made reads fail. A room that keeps failing while others succeed waits
 * alone.
 */
export class ReadLane {
  readonly #log: Logger
  #first: Waiting | undefined
  #last: Waiting | undefined
  #waiting = 0
  #running = 0
  /** How many reads may run. Grows by one with each that succeeds, which doubles it with each round. */
  #window = MAX_CONCURRENT_READS
  #successes = 0
  /** Failures since a read succeeded. */
  #failures = 0
  readonly #failed = new WeakMap<object, Failed>()
  #isPaused = false
  #delays = 0
  /** Ends all delays. */
  #resumed = new AbortController()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Runs a read of this room when it is its turn, and settles as it does; after a delay if it should not be repeated yet. */
  async run<T>(room: object, read: () => Promise<T>): Promise<T> {
    await this.#turn()
    const reading = read().finally(() => this.#running--)
    try {
      const result = await reading
      this.#window = Math.min(this.#window + 1, MAX_CONCURRENT_READS)
      this.#successes++
      this.#failures = 0
      this.#failed.delete(room)
      this.#startWaiting()
      return result
    } catch (error) {
      const before = this.#failed.get(room)
      const times = (before?.times ?? 0) + 1
      this.#failed.set(room, { times, successes: this.#successes })
      const isAlone = before !== undefined && this.#successes > before.successes
      if (isAlone) this.#startWaiting()
      else this.#pause(error)
      if (isAlone) await this.#delay(times)
      throw error
    }
  }

  /** Ends all delays: there is reason to believe that reads succeed again. */
  resume(): void {
    this.#failures = 0
    // Each room of the node says so.
    if (this.#delays === 0) return
    this.#resumed.abort()
    this.#resumed = new AbortController()
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      const waiting = { start: resolve }
      if (this.#last === undefined) this.#first = waiting
      else this.#last.next = waiting
      this.#last = waiting
      this.#waiting++
      this.#startWaiting()
    })
  }

  #startWaiting(): void {
    while (this.#first !== undefined && !this.#isPaused && this.#running < this.#window) {
      const { start, next } = this.#first
      this.#first = next
      if (next === undefined) this.#last = undefined
      this.#waiting--
      this.#running++
      start()
    }
  }

  /** Those that were under way together fail together, and count as one failure. */
  #pause(err: unknown): void {
    this.#window = 1
    if (this.#isPaused) return
    this.#isPaused = true
    this.#failures++
    this.#log.warn(
      { err, failures: this.#failures, waiting: this.#waiting },
      'cannot read room logs, retrying',
    )
    void this.#delay(this.#failures).then(() => {
      this.#isPaused = false
      this.#startWaiting()
    })
  }

  async #delay(failures: number): Promise<void> {
    const ms = fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS })
    this.#delays++
    await delay(ms, undefined, { ref: false, signal: this.#resumed.signal }).catch(() => undefined)
    this.#delays--
  }
}
