/** An object to call at a scheduled time. */
export interface Timed {
  /** May be called early, or after a cancel: the object checks its time itself, and schedules itself again if need be. */
  onTimer(): void
}

const CHECK_INTERVAL_MS = 1_000
/** Entries due within this time get a timer of their own. */
const LOOKAHEAD_MS = 2_000

/**
 * Schedules very many objects with a single interval: a timer per socket, most of them hours away, would take eight times the
 * memory.
 */
export class TimerWheel {
  readonly #bySecond = new Map<number, Set<Timed>>()
  #interval: NodeJS.Timeout | undefined

  /** Calls `timed` once `Date.now()` has reached `atMs`; Infinity is never. */
  schedule(timed: Timed, atMs: number): void {
    if (atMs === Infinity) return
    const leftMs = atMs - Date.now()
    if (leftMs <= LOOKAHEAD_MS) return void setTimeout(() => timed.onTimer(), Math.max(0, leftMs)).unref()
    const second = secondOf(atMs)
    const entries = this.#bySecond.get(second)
    if (entries === undefined) this.#bySecond.set(second, new Set([timed]))
    else entries.add(timed)
    this.#interval ??= setInterval(() => this.#lookAhead(), CHECK_INTERVAL_MS).unref()
  }

  /** Cancels what was scheduled for this time, unless it is nearly due. */
  cancel(timed: Timed, atMs: number): void {
    const second = secondOf(atMs)
    const entries = this.#bySecond.get(second)
    if (entries?.delete(timed) && entries.size === 0) this.#bySecond.delete(second)
  }

  stop(): void {
    clearInterval(this.#interval)
    this.#bySecond.clear()
  }

  #lookAhead(): void {
    const until = secondOf(Date.now() + LOOKAHEAD_MS)
    // Collected first: if the clock is set back meanwhile, `schedule` puts entries back, and iterating over the map would never end.
    const due = [...this.#bySecond].filter(([second]) => second <= until)
    for (const [second, entries] of due) {
      this.#bySecond.delete(second)
      // Called at the start of its second, each schedules itself again for its exact time.
      for (const timed of entries) this.schedule(timed, second * 1_000)
    }
  }
}

const secondOf = (ms: number): number => Math.floor(ms / 1_000)

/** The time source of code that waits; tests replace it. */
export interface Clock {
  /** In ms, from an arbitrary start. */
  now(): number
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

export const NODE_CLOCK: Clock = {
  now: () => performance.now(),
  setTimeout,
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}
