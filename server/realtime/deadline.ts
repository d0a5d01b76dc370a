/** Longest time that a timer of Node can wait. */
const TIMER_AT_MOST_MS = 2 ** 31 - 1

/** Calls `onPassed` once `Date.now()` has reached the time that was set last; also one that is months away. */
export function createDeadline(onPassed: () => void) {
  let timer: NodeJS.Timeout | undefined

  function arm(atMs: number): void {
    const leftMs = Math.max(0, atMs - Date.now())
    // A timer may also be a little early.
    const look = (): void => (Date.now() < atMs ? arm(atMs) : onPassed())
    timer = setTimeout(look, Math.min(leftMs, TIMER_AT_MOST_MS))
    timer.unref()
  }

  return {
    set(atMs: number): void {
      clearTimeout(timer)
      if (atMs !== Infinity) arm(atMs)
    },
    clear: (): void => clearTimeout(timer),
  }
}
