/** How far the clocks of two processes may be apart, and how old a question may be. */
const MAX_SKEW_MS = 60_000
/** Far more than processes ask while each is remembered. */
const MAX_REMEMBERED = 10_000

/**
 * Returns a function that says whether a question is to be answered: it was asked within the last minute, after this process began to
 * listen, and not before. Otherwise someone who can write to Redis, and has no key, could repeat what was signed.
 */
export function createFreshness(
  nowMs: number,
  elapsedMs = () => performance.now(),
): (id: string, askedAtMs: number, nowMs: number) => boolean {
  /** By id, in the order in which they came: until when it has to be remembered. */
  const answered = new Map<string, number>()
  const begunMs = elapsedMs()

  return (id, askedAtMs, atMs) => {
    for (const [old, untilMs] of answered) {
      if (untilMs > atMs) break
      answered.delete(old)
    }
    // If the clock was set back meanwhile, the process began earlier by what it says now.
    const sinceMs = Math.min(nowMs, atMs - (elapsedMs() - begunMs))
    const isInTime = askedAtMs >= sinceMs && Math.abs(atMs - askedAtMs) <= MAX_SKEW_MS
    if (!isInTime || answered.has(id) || answered.size >= MAX_REMEMBERED) return false
    answered.set(id, atMs + 2 * MAX_SKEW_MS)
    return true
  }
}
