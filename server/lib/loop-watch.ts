/** How often the loop is looked at: while somebody asks, and otherwise. */
const INTERVAL_MS = 100
const QUIET_INTERVAL_MS = 500
/** Since when nobody has asked. */
const QUIET_AFTER_MS = 10_000
/** A look that is this late has kept waiting what arrived meanwhile. */
const LATE_MS = 150
/** After this long without a look, the loop has stalled, and has caught up once no look was as late for this long. */
const STALL_MS = 1_000
const CAUGHT_UP_AFTER_MS = 2_000

/**
 * Notices that the event loop stood still: the process was stopped or starved, or a call blocked it. What arrived meanwhile waits in
 * buffers of the kernel, and nothing there says since when. Times are those of `performance.now()`, a clock that nobody sets. Each
 * look wakes an idle process, so there are few until somebody asks: of what arrives after that, short stalls are known.
 */
export class LoopWatch {
  #timer: NodeJS.Timeout
  #intervalMs = QUIET_INTERVAL_MS
  #lastLookMs = performance.now()
  #askedAtMs = -Infinity
  /** When the loop was last known to run before the latest look, if that was late. */
  #lateSinceMs: number | undefined
  /** When the loop was last known to run before it stalled; undefined once it has caught up. */
  #stalledSinceMs: number | undefined
  #stallEndedAtMs = 0

  constructor() {
    this.#timer = this.#start()
  }

  /**
   * Returns how long what is read now may have waited for the loop, in ms: since the turn before, if that was late, and otherwise 0.
   * Short stalls are forgotten with the next look that is in time, by when the kernel's buffers have been read. Correct even in the
   * first callback after a stall.
   */
  waitedForMs(nowMs = performance.now()): number {
    this.#askedAtMs = nowMs
    const isFirst = this.#intervalMs !== INTERVAL_MS && this.#lateSinceMs === undefined
    if (isFirst || this.#isLate(nowMs)) this.#look(nowMs)
    this.#lookAtIntervals(INTERVAL_MS)
    return this.#lateSinceMs === undefined ? 0 : nowMs - this.#lateSinceMs
  }

  /**
   * Returns how long ago something may have arrived that is handled now, in ms: 0 unless the loop stalled for a second, and has not
   * caught up yet. Correct even in the first callback after the stall.
   */
  stalledForMs(nowMs = performance.now()): number {
    if (nowMs - this.#lastLookMs > STALL_MS) this.#look(nowMs)
    return this.#stalledSinceMs === undefined ? 0 : nowMs - this.#stalledSinceMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #start(): NodeJS.Timeout {
    return setInterval(() => this.#look(performance.now()), this.#intervalMs).unref()
  }

  #lookAtIntervals(ms: number): void {
    if (this.#intervalMs === ms) return
    this.#intervalMs = ms
    clearInterval(this.#timer)
    this.#timer = this.#start()
  }

  #look(nowMs: number): void {
    this.#lateSinceMs = this.#isLate(nowMs) ? this.#lastLookMs : undefined
    if (nowMs - this.#lastLookMs > STALL_MS) {
      this.#stalledSinceMs ??= this.#lastLookMs
      this.#stallEndedAtMs = nowMs
    } else if (nowMs - this.#stallEndedAtMs >= CAUGHT_UP_AFTER_MS) this.#stalledSinceMs = undefined
    this.#lastLookMs = nowMs
    if (nowMs - this.#askedAtMs > QUIET_AFTER_MS) this.#lookAtIntervals(QUIET_INTERVAL_MS)
  }

  #isLate = (nowMs: number): boolean => nowMs - this.#lastLookMs > this.#intervalMs + LATE_MS
}
