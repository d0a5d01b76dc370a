import type { Logger } from '../../telemetry/logger.ts'
import type { QuarantineStore } from './quarantine-files.ts'

/** The first round comes as late: a clock that is wrong when the machine starts is usually set by then. */
const INTERVAL_MS = 600_000

interface ExpiryDependencies {
  readonly quarantine: Pick<QuarantineStore, 'expire'>
  /** Called with how many entries have expired. */
  readonly onExpired: (entries: number) => void
  readonly log: Logger
}

/** Drops what has been in the quarantine for longer than `ttlMs`, every ten minutes. Returns a function that stops it. */
export function startExpiry(ttlMs: number, { quarantine, onExpired, log }: ExpiryDependencies): () => void {
  async function expire(): Promise<void> {
    try {
      const entries = await quarantine.expire(Date.now() - ttlMs)
      if (entries > 0) onExpired(entries)
    } catch (err) {
      log.warn({ err }, 'cannot drop what has expired in the quarantine')
    }
  }
  const timer = setInterval(() => void expire(), INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
