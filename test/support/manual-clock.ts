/** A clock that advances only when the test says so. */
export function createManualClock() {
  const timers = new Map<object, { atMs: number; callback: () => void }>()
  let nowMs = 0
  return {
    now: () => nowMs,
    /** Lets time pass without firing timers, as long work does. */
    block: (ms: number) => (nowMs += ms),
    setTimeout(callback: () => void, ms: number): object {
      const timer = {}
      timers.set(timer, { atMs: nowMs + ms, callback })
      return timer
    },
    clearTimeout: (timer: unknown) => void timers.delete(timer as object),
    pending: () => timers.size,
    /** Lets time pass, then fires the timers that are due. */
    advance(ms: number) {
      nowMs += ms
      for (const [timer, { atMs, callback }] of timers) if (atMs <= nowMs && timers.delete(timer)) callback()
    },
  }
}
