/** Looked at so long before it is due, an alarm gets a timer of its own. */
const AHEAD_MS = 2_000
const CHECK_INTERVAL_MS = 1_000

/** One that is to be woken at a time. May be woken early, or although it does not wait any more: it looks itself. */
export interface Timed {
  onTimer(): void
}

/**
 * Wakes very many, each within a moment of its time: one timer looks at the next seconds, because one for each socket, most
 * of them for hours, would take more memory than all else that is kept of a socket here.
 */
export class TimerWheel {
  readonly #bySecond = new Map<number, Set<Timed>>()
  #looking: NodeJS.Timeout | undefined

  /** Wakes `sleeper` once `Date.now()` has reached `atMs`; Infinity is never. */
  schedule(sleeper: Timed, atMs: number): void {
    if (atMs === Infinity) return
    const leftMs = atMs - Date.now()
    if (leftMs <= AHEAD_MS) return void setTimeout(() => sleeper.onTimer(), Math.max(0, leftMs)).unref()
    const second = secondOf(atMs)
    const sleepers = this.#bySecond.get(second)
    if (sleepers === undefined) this.#bySecond.set(second, new Set([sleeper]))
    else sleepers.add(sleeper)
    this.#looking ??= setInterval(() => this.#wakeSoon(), CHECK_INTERVAL_MS).unref()
  }

  /** Forgets what was set for this time, unless it is nearly due. */
  cancel(sleeper: Timed, atMs: number): void {
    const second = secondOf(atMs)
    const sleepers = this.#bySecond.get(second)
    if (sleepers?.delete(sleeper) && sleepers.size === 0) this.#bySecond.delete(second)
  }

  stop(): void {
    clearInterval(this.#looking)
    this.#bySecond.clear()
  }

  #wakeSoon(): void {
    const until = secondOf(Date.now() + AHEAD_MS)
    // First what is due, then what is done: with a clock that was put back, alarms that are set again stand where they stood.
    const due = [...this.#bySecond].filter(([second]) => second <= until)
    for (const [second, sleepers] of due) {
      this.#bySecond.delete(second)
      // Awake in the first moment of its second, each sets the alarm again for its own.
      for (const sleeper of sleepers) this.schedule(sleeper, second * 1_000)
    }
  }
}

const secondOf = (ms: number): number => Math.floor(ms / 1_000)

/** Where waiting gets its time from; tests have their own. */
export interface Clock {
  /** In ms, from any beginning. */
  now(): number
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

export const NODE_CLOCK: Clock = {
  now: () => performance.now(),
  setTimeout,
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}
