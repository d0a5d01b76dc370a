/** How often the loop is looked at. */
const INTERVAL_MS = 100
/** A loop that is this late has kept waiting what arrived meanwhile. */
const LATE_MS = 250

/**
 * Says how long what is read now may have waited for the event loop: since the turn before, if that was late. Unlike `StallDetector`, it
 * sees short stalls, and forgets them with the next turn that is on time, by when the kernel's buffers have been read.
 */
export class LateTurns {
  readonly #timer: NodeJS.Timeout
  #lastTickMs = performance.now()
  /** When the loop was last known to run before it was late; undefined once it is on time. */
  #sinceMs: number | undefined

  constructor() {
    this.#timer = setInterval(() => this.#tick(performance.now()), INTERVAL_MS).unref()
  }

  /** In ms; 0 while the loop is on time. Correct even in the first callback after a stall. */
  waitedForMs(nowMs = performance.now()): number {
    const sinceMs = this.#isLate(nowMs) ? this.#lastTickMs : this.#sinceMs
    return sinceMs === undefined ? 0 : nowMs - sinceMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(nowMs: number): void {
    this.#sinceMs = this.#isLate(nowMs) ? this.#lastTickMs : undefined
    this.#lastTickMs = nowMs
  }

  #isLate = (nowMs: number): boolean => nowMs - this.#lastTickMs > LATE_MS
}
