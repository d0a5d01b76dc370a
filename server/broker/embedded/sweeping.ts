import type { Logger } from '../../telemetry/logger.ts'
import type { LogStore } from './log-store.ts'

const SWEEP_INTERVAL_MS = 3_600_000
/** A process that was stopped for less, with no write before, is no reason for a line. */
const CLOCK_AHEAD_MS = 3_600_000

/** Deletes what has expired, now and once an hour. Resolves, once that is done for the first time, to a function that ends it. */
export async function startSweeping(store: () => LogStore | undefined, log: Logger): Promise<() => void> {
  /** Never rejects: a full disk, on which nothing can be deleted, can still be read. */
  async function sweep(): Promise<void> {
    const opened = store()
    if (opened === undefined) return
    try {
      const aheadMs = Date.now() - opened.clock.expiryMs()
      const kept = await opened.sweep()
      if (kept === 0 || aheadMs < CLOCK_AHEAD_MS) return
      log.warn(
        { kept, aheadMs },
        'the clock is further ahead of the newest write than this process has run: what has expired only by this clock is kept, until the process has run that long, or is started again after a write',
      )
    } catch (err) {
      log.error({ err }, 'cannot remove what has expired')
    }
  }

  await sweep()
  const timer = setInterval(() => void sweep(), SWEEP_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
