import { GatewayError } from '../../shared/errors.ts'
import { RoundRobin } from './round-robin.ts'

/** Requests take no more of a turn of the event loop. Webhooks that have arrived are served between two turns. */
const SLICE_MS = 5
/** The answers to so many may arrive in one turn of the event loop. Each costs several milliseconds. */
const MAX_LARGE = 4
/** A request that waits takes a kilobyte or two, so all of them at most 40 MB. */
const MAX_WAITING = 20_000
/** So that others are still taken in. */
const MAX_WAITING_PER_USER = 10_000
/** Longer than 8,000 large requests take, if the store responds. */
const MAX_LARGE_WAIT_MS = 10_000

interface Waiting {
  /** Who is to receive the answer. */
  readonly receiver: object
  readonly begin: () => void
  readonly refuse: (error: GatewayError) => void
  readonly sinceMs: number
}

/**
 * The turns in which the requests of users are served, so that webhooks never wait for more than a slice of them. While no slice is
 * used up, a request begins at once. Otherwise it waits, and users take turns, however many connections each of them has.
 *
 * A method that returns undefined says that it may begin now. What waits for a receiver that leaves may begin, too: it is to look.
 */
export class RequestTurns {
  readonly #small = new RoundRobin<Waiting>()
  readonly #large = new RoundRobin<Waiting>()
  /** What has begun, and goes on in a later turn. Bounded by what has begun. */
  readonly #parts: (() => void)[] = []
  /** Large requests that have begun. */
  #running = 0
  /** Undefined until something begins in this turn of the event loop. */
  #sliceEndsAtMs: number | undefined
  #isBeginning = false
  #isLargeNext = false

  /** How many requests wait. */
  get waiting(): number {
    return this.#small.size + this.#large.size
  }

  /** Waits until a request may begin. Throws TOO_MANY_REQUESTS or NODE_FULL if too many wait. */
  begin(user: string, receiver: object): Promise<void> | undefined {
    if (this.#small.size === 0 && this.#mayGoOn()) return undefined
    return this.#wait(this.#small, user, receiver)
  }

  /** Runs a request that reads and returns a lot, one of a few at a time. Rejects like `begin`, and after 10 s of waiting. */
  async large<T>(user: string, receiver: object, work: () => Promise<T>): Promise<T> {
    if (this.#running < MAX_LARGE && this.#large.size === 0 && this.#mayGoOn()) this.#running++
    else await this.#wait(this.#large, user, receiver, () => this.#running++)
    try {
      return await work()
    } finally {
      this.#running--
      this.#beginSoon()
    }
  }

  /** Waits before the next part of a request that has begun. */
  goOn(): Promise<void> | undefined {
    if (this.#mayGoOn()) return undefined
    return new Promise((resolve) => {
      this.#parts.push(resolve)
      this.#beginSoon()
    })
  }

  /** Lets nothing wait any more for a receiver that has left. */
  leave(user: string, receiver: object): void {
    for (const lane of [this.#small, this.#large])
      for (const { begin } of lane.remove(user, (waiting) => waiting.receiver === receiver)) begin()
  }

  #wait(
    lane: RoundRobin<Waiting>,
    user: string,
    receiver: object,
    onBegin: () => void = () => undefined,
  ): Promise<void> {
    if (this.#small.sizeOf(user) + this.#large.sizeOf(user) >= MAX_WAITING_PER_USER)
      throw new GatewayError('TOO_MANY_REQUESTS', 'too many requests of this user wait')
    if (this.waiting >= MAX_WAITING) throw new GatewayError('NODE_FULL', 'too many requests wait')
    return new Promise((resolve, refuse) => {
      const begin = (): void => {
        onBegin()
        resolve()
      }
      lane.push(user, { receiver, begin, refuse, sinceMs: performance.now() })
      this.#beginSoon()
    })
  }

  #mayGoOn(): boolean {
    return this.#parts.length === 0 && this.#hasTime()
  }

  /** Returns whether the slice of this turn is not used up. What else happens in the turn counts too, for the loop is late then. */
  #hasTime(): boolean {
    const nowMs = performance.now()
    if (this.#sliceEndsAtMs !== undefined) return nowMs < this.#sliceEndsAtMs
    this.#sliceEndsAtMs = nowMs + SLICE_MS
    setImmediate(() => {
      this.#sliceEndsAtMs = undefined
      this.#beginNext()
    })
    return true
  }

  /** Begins something after what runs now and all that follows from it without waiting for anything, to know how long it took. */
  #beginSoon(): void {
    if (this.#isBeginning) return
    this.#isBeginning = true
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#isBeginning = false
        this.#beginNext()
      }),
    )
  }

  #beginNext(): void {
    if (!this.#canBegin() || !this.#hasTime()) return
    this.#takeNext()?.()
    if (this.#canBegin()) this.#beginSoon()
  }

  #canBegin(): boolean {
    return this.#parts.length > 0 || this.#small.size > 0 || this.#mayBeginLarge()
  }

  #mayBeginLarge(): boolean {
    return this.#large.size > 0 && this.#running < MAX_LARGE
  }

  #takeNext(): (() => void) | undefined {
    const part = this.#parts.shift()
    if (part !== undefined) return part
    this.#isLargeNext = !this.#isLargeNext
    const isLarge = this.#mayBeginLarge() && (this.#isLargeNext || this.#small.size === 0)
    const waiting = (isLarge ? this.#large : this.#small).shift()
    if (waiting === undefined) return undefined
    const isLate = isLarge && performance.now() - waiting.sinceMs > MAX_LARGE_WAIT_MS
    if (!isLate) return waiting.begin
    return () => waiting.refuse(new GatewayError('NODE_FULL', 'it did not get to this request within 10 s'))
  }
}
