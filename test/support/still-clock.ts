/** A clock that moves only when the test says so. */
export function createStillClock() {
  const timers = new Map<object, { atMs: number; callback: () => void }>()
  let nowMs = 0
  return {
    now: () => nowMs,
    /** Lets time pass without firing timers, as work does that takes long. */
    take: (ms: number) => (nowMs += ms),
    setTimeout(callback: () => void, ms: number): object {
      const timer = {}
      timers.set(timer, { atMs: nowMs + ms, callback })
      return timer
    },
    clearTimeout: (timer: unknown) => void timers.delete(timer as object),
    pending: () => timers.size,
    /** Lets time pass, and fires the timers that are due then. */
    advance(ms: number) {
      nowMs += ms
      for (const [timer, { atMs, callback }] of timers) if (atMs <= nowMs && timers.delete(timer)) callback()
    },
  }
}
