/** How often the loop is looked at. */
const INTERVAL_MS = 500
/** A loop that is this late has stalled. */
const STALL_MS = 1_000
/** After a stall, the loop has caught up with what waited for it once it was on time for this many intervals. */
const ON_TIME_INTERVALS = 4

/**
 * Detects that the event loop stood still: the process was stopped or starved, or a call blocked it. What arrived meanwhile
 * waits in buffers of the kernel, and nothing there says since when. Times are those of `performance.now()`, a clock that nobody
 * sets.
 */
export class StallDetector {
  readonly #timer: NodeJS.Timeout
  #lastTickMs = performance.now()
  /** When the loop was last known to run, before it stalled; undefined once it has caught up. */
  #sinceMs: number | undefined
  #onTime = 0

  constructor() {
    this.#timer = setInterval(() => this.#tick(performance.now()), INTERVAL_MS).unref()
  }

  /**
   * Returns how long ago something may have arrived that is handled now, in ms: 0 unless the loop stalled, and has not caught up
   * yet. Correct even in the first callback after the stall.
   */
  waitedForMs(nowMs = performance.now()): number {
    const sinceMs = this.#sinceMs ?? (nowMs - this.#lastTickMs > STALL_MS ? this.#lastTickMs : undefined)
    return sinceMs === undefined ? 0 : nowMs - sinceMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(nowMs: number): void {
    if (nowMs - this.#lastTickMs > STALL_MS) {
      this.#sinceMs ??= this.#lastTickMs
      this.#onTime = 0
    } else if (++this.#onTime >= ON_TIME_INTERVALS) {
      this.#sinceMs = undefined
    }
    this.#lastTickMs = nowMs
  }
}
