const WINDOW_MS = 10_000
export const MAX_PER_WINDOW = 10
/** Sentences are fixed and codes come from a catalogue, so there are far fewer. */
const MAX_KEYS = 1_000

interface Window {
  seen: number
  readonly end: () => void
}

/**
 * Lets the first 10 lines of a kind pass in 10 s. A flood of bad requests must neither fill a disk nor hide the other lines.
 * At the end of the 10 s, it tells how many were omitted.
 */
export class LogSampler {
  readonly #windowMs: number
  readonly #windows = new Map<string, Window>()

  constructor(windowMs = WINDOW_MS) {
    this.#windowMs = windowMs
  }

  /** Returns whether a line may be written. `report` is called at the end of a window in which lines were omitted. */
  admits(key: string, report: (omitted: number) => void): boolean {
    const window = this.#windows.get(key) ?? this.#open(key, report)
    window.seen++
    return window.seen <= MAX_PER_WINDOW
  }

  /** Ends all windows, at the end of the process. */
  end(): void {
    for (const window of this.#windows.values()) window.end()
  }

  #open(key: string, report: (omitted: number) => void): Window {
    const end = (): void => {
      clearTimeout(timer)
      this.#windows.delete(key)
      if (window.seen > MAX_PER_WINDOW) report(window.seen - MAX_PER_WINDOW)
    }
    const timer = setTimeout(end, this.#windowMs).unref()
    const window: Window = { seen: 0, end }
    if (this.#windows.size < MAX_KEYS) this.#windows.set(key, window)
    return window
  }
}
