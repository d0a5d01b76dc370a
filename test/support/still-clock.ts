/** A clock that only moves when told. */
export function createStillClock() {
  const timers = new Map<object, { atMs: number; callback: () => void }>()
  let nowMs = 0
  return {
    now: () => nowMs,
    /** What takes time lets it pass. */
    take: (ms: number) => (nowMs += ms),
    setTimeout(callback: () => void, ms: number): object {
      const timer = {}
      timers.set(timer, { atMs: nowMs + ms, callback })
      return timer
    },
    clearTimeout: (timer: unknown) => void timers.delete(timer as object),
    pending: () => timers.size,
    advance(ms: number) {
      nowMs += ms
      for (const [timer, { atMs, callback }] of timers) if (atMs <= nowMs && timers.delete(timer)) callback()
    },
  }
}
