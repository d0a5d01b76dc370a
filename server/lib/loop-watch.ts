/** How often the loop is looked at. */
const INTERVAL_MS = 100
/** A look that comes this long after the one before has kept waiting what arrived meanwhile. */
const LATE_MS = 250
/** After this long without a look, the loop has stalled, and has caught up once no look was as late for this long. */
const STALL_MS = 1_000
const CAUGHT_UP_AFTER_MS = 2_000

/**
 * Notices that the event loop stood still: the process was stopped or starved, or a call blocked it. What arrived meanwhile waits
 * in buffers of the kernel, and nothing there says since when. Times are those of `performance.now()`, a clock that nobody sets.
 */
export class LoopWatch {
  readonly #timer: NodeJS.Timeout
  #lastLookMs = performance.now()
  /** When the loop was last known to run before the latest look, if that was late. */
  #lateSinceMs: number | undefined
  /** When the loop was last known to run before it stalled; undefined once it has caught up. */
  #stalledSinceMs: number | undefined
  #stallEndedAtMs = 0

  constructor() {
    this.#timer = setInterval(() => this.#look(performance.now()), INTERVAL_MS).unref()
  }

  /**
   * Returns how long what is read now may have waited for the loop, in ms: since the turn before, if that was late, and
   * otherwise 0. Short stalls are forgotten with the next look that is in time, by when the kernel's buffers have been read.
   * Correct even in the first callback after a stall.
   */
  waitedForMs(nowMs = performance.now()): number {
    if (this.#isLate(nowMs)) this.#look(nowMs)
    return this.#lateSinceMs === undefined ? 0 : nowMs - this.#lateSinceMs
  }

  /**
   * Returns how long ago something may have arrived that is handled now, in ms: 0 unless the loop stalled for a second, and has
   * not caught up yet. Correct even in the first callback after the stall.
   */
  stalledForMs(nowMs = performance.now()): number {
    if (nowMs - this.#lastLookMs > STALL_MS) this.#look(nowMs)
    return this.#stalledSinceMs === undefined ? 0 : nowMs - this.#stalledSinceMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(nowMs: number): void {
    this.#lateSinceMs = this.#isLate(nowMs) ? this.#lastLookMs : undefined
    if (nowMs - this.#lastLookMs > STALL_MS) {
      this.#stalledSinceMs ??= this.#lastLookMs
      this.#stallEndedAtMs = nowMs
    } else if (nowMs - this.#stallEndedAtMs >= CAUGHT_UP_AFTER_MS) this.#stalledSinceMs = undefined
    this.#lastLookMs = nowMs
  }

  #isLate = (nowMs: number): boolean => nowMs - this.#lastLookMs > LATE_MS
}
