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

/**
 * Paces the reads by which the rooms of a node catch up with their logs. After an interruption every room must read its log,
 * and there may be 100,000: they take turns, in order. After a failure all pause together, and then continue with a single
 * read, so that retries never add to the load that made reads fail.
 */
export class ReadLane {
  readonly #log: Logger
  #first: Waiting | undefined
  #last: Waiting | undefined
  #waiting = 0
  #running = 0
  /** How many reads may run. Grows by one with each that succeeds, which doubles it with each round. */
  #window = MAX_CONCURRENT_READS
  #failures = 0
  #pause: AbortController | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  /** Runs the read when it is its turn, and settles as it does. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    await this.#turn()
    try {
      const result = await read()
      this.#window = Math.min(this.#window + 1, MAX_CONCURRENT_READS)
      this.#failures = 0
      return result
    } catch (error) {
      this.#onFailure(error)
      throw error
    } finally {
      this.#running--
      this.#startWaiting()
    }
  }

  /** Ends a pause: there is reason to believe that reads succeed again. */
  resume(): void {
    this.#failures = 0
    this.#pause?.abort()
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
    while (this.#first !== undefined && this.#pause === undefined && this.#running < this.#window) {
      const { start, next } = this.#first
      this.#first = next
      if (next === undefined) this.#last = undefined
      this.#waiting--
      this.#running++
      start()
    }
  }

  /** Those that were under way together fail together, and count as one failure. */
  #onFailure(err: unknown): void {
    this.#window = 1
    if (this.#pause !== undefined) return
    this.#failures++
    this.#log.warn(
      { err, failures: this.#failures, waiting: this.#waiting },
      'cannot read room logs, retrying',
    )
    const pause = (this.#pause = new AbortController())
    const ms = fullJitterMs(this.#failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS })
    const ended = delay(ms, undefined, { ref: false, signal: pause.signal }).catch(() => undefined)
    void ended.then(() => {
      this.#pause = undefined
      this.#startWaiting()
    })
  }
}
