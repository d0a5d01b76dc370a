import DataLoader from 'dataloader'

/** Runs a task when it is its turn, and settles as the task does. */
export type Limiter = <T>(task: () => Promise<T>) => Promise<T>

/** Runs at most `max` tasks concurrently; the rest queue in order. */
export function createLimiter(max: number): Limiter {
  const queue: (() => void)[] = []
  let running = 0

  return async (task) => {
    if (running >= max) await new Promise<void>((resolve) => queue.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      const next = queue.shift()
      if (next === undefined) running--
      else next()
    }
  }
}

/**
 * Returns a function that loads one value, and batches concurrent calls: the keys requested in one turn of the event loop
 * share a call of `loadMany`, at most `max` of them. `loadMany` resolves to their values in the same order; if it rejects,
 * so do all of these calls.
 */
export function createBatchLoader<Key, Value>(
  max: number,
  loadMany: (keys: readonly Key[]) => Promise<readonly Value[]>,
): (key: Key) => Promise<Value> {
  const loader = new DataLoader<Key, Value>((keys) => Promise.resolve(keys).then(loadMany), {
    maxBatchSize: max,
    batchScheduleFn: setImmediate,
    // Not cached: a value is known to be current only when it is loaded.
    cache: false,
  })
  return (key) => loader.load(key)
}

/** Tokens at most, and how fast they come back. */
interface BucketLimits {
  readonly burst: number
  readonly perSecond: number
}

/** Enough for a console that resumes as many rooms as a socket may enter. */
const OF_SOCKET: BucketLimits = { burst: 1_000, perSecond: 100 }

/** Limits requests: a burst, and then a steady rate. By default those of one socket. */
export class TokenBucket {
  readonly #limits: BucketLimits
  #tokens: number
  #refilledAtMs = performance.now()

  constructor(limits: BucketLimits = OF_SOCKET) {
    this.#limits = limits
    this.#tokens = limits.burst
  }

  /** Takes tokens, and returns whether there were as many. */
  tryTake(tokens = 1): boolean {
    this.#refill()
    if (this.#tokens < tokens) return false
    this.#tokens -= tokens
    return true
  }

  /** Takes tokens for work whose size was not known before; the next requests wait for them. */
  charge(tokens: number): void {
    this.#refill()
    this.#tokens -= tokens
  }

  isFull(): boolean {
    this.#refill()
    return this.#tokens === this.#limits.burst
  }

  #refill(): void {
    const nowMs = performance.now()
    const { burst, perSecond } = this.#limits
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#refilledAtMs) / 1_000) * perSecond)
    this.#refilledAtMs = nowMs
  }
}
