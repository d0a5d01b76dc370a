/** What is added is spread over the interval in slots of about this length, so that not all is due at once. */
const SLOT_MS = 250

/**
 * Calls `onDue` for each of many things once in each interval, with one timer for all of them, and none while there are none. The
 * first time is up to an interval after it was added.
 */
export class Slots<T> {
  readonly #slots: readonly Set<T>[]
  readonly #slotMs: number
  readonly #onDue: (thing: T) => void
  /** Undefined while there is nothing. */
  #timer: NodeJS.Timeout | undefined
  #size = 0
  #dueAtMs = 0
  /** The slots that are due next, and that get what is added next. */
  #due = 0
  #next = 0

  constructor(intervalMs: number, onDue: (thing: T) => void) {
    this.#slots = Array.from({ length: Math.ceil(intervalMs / SLOT_MS) }, () => new Set<T>())
    this.#slotMs = intervalMs / this.#slots.length
    this.#onDue = onDue
  }

  add(thing: T): void {
    this.#slots[this.#next]?.add(thing)
    if (this.#size++ === 0) this.#start()
    this.#next = (this.#next + 1) % this.#slots.length
  }

  remove(thing: T): void {
    if (this.#slots.some((slot) => slot.delete(thing)) && --this.#size === 0) this.stop()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #start(): void {
    this.#dueAtMs = performance.now() + this.#slotMs
    this.#timer = setInterval(() => this.#callDue(), this.#slotMs).unref()
  }

  #callDue(): void {
    const nowMs = performance.now()
    // Several are due if the process stood still; none is due twice.
    for (let left = this.#slots.length; left > 0 && this.#dueAtMs <= nowMs; left--) {
      this.#slots[this.#due]?.forEach(this.#onDue)
      this.#due = (this.#due + 1) % this.#slots.length
      this.#dueAtMs += this.#slotMs
    }
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs)
  }
}
