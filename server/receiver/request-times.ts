const HALF_WINDOW_MS = 150_000

interface Half {
  readonly startMs: number
  count: number
  minAgeMs: number
  maxAgeMs: number
}

/**
 * Remembers by how much RequestTime of the webhooks of the last minutes was off, also of those that were refused because of it: what
 * tells whether the clock of this machine is right. `now` is a clock in ms that never goes back.
 */
export class RequestTimes {
  readonly #now: () => number
  #current: Half | undefined
  #before: Half | undefined

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** `requestTime`: Unix time in whole seconds, as received. */
  note(requestTime: string | undefined, receivedAtMs: number): void {
    const ageMs = receivedAtMs - Number(requestTime) * 1_000
    if (!Number.isFinite(ageMs)) return
    const half = this.#half()
    half.count++
    if (ageMs < half.minAgeMs) half.minAgeMs = ageMs
    if (ageMs > half.maxAgeMs) half.maxAgeMs = ageMs
  }

  /** Undefined if none came. */
  state() {
    const since = this.#now() - 2 * HALF_WINDOW_MS
    const halves = [this.#before, this.#current].filter((half) => half !== undefined && half.startMs > since)
    const known = halves.filter((half) => half !== undefined)
    if (known.length === 0) return undefined
    return {
      count: known.reduce((sum, { count }) => sum + count, 0),
      minAgeMs: Math.min(...known.map(({ minAgeMs }) => minAgeMs)),
      maxAgeMs: Math.max(...known.map(({ maxAgeMs }) => maxAgeMs)),
    }
  }

  #half(): Half {
    const nowMs = this.#now()
    if (this.#current !== undefined && nowMs - this.#current.startMs < HALF_WINDOW_MS) return this.#current
    this.#before = this.#current
    this.#current = { startMs: nowMs, count: 0, minAgeMs: Infinity, maxAgeMs: -Infinity }
    return this.#current
  }
}
