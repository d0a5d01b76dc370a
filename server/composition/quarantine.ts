import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import { inDataDir } from '../lib/data-dir.ts'
import { startExpiry } from '../receiver/quarantine/expiry.ts'
import { openQuarantine } from '../receiver/quarantine/quarantine-files.ts'
import type { QuarantineStore } from '../receiver/quarantine/quarantine-files.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Lifecycle } from './lifecycle.ts'

/** Opens the quarantine of this process. Rejects with START_FAILED. */
export async function createQuarantine(
  config: Config,
  {
    lifecycle,
    metrics,
    log,
  }: { readonly lifecycle: Lifecycle; readonly metrics: Metrics; readonly log: Logger },
): Promise<QuarantineStore> {
  const { ttlMs, ...settings } = options.quarantine(config)
  const quarantine = await inDataDir(config.DATA_DIR, () =>
    openQuarantine({
      ...settings,
      onEvicted(entries) {
        metrics.quarantineDropped(entries, 'full')
        log.warn({ entries }, 'quarantine full, oldest entries evicted')
      },
      onDamage: (damage) => log.error({ damage }, 'the quarantine is damaged on disk'),
    }),
  )
  lifecycle.onStop('quarantine', quarantine.close)
  const onExpired = (entries: number): void => {
    metrics.quarantineDropped(entries, 'expired')
    log.warn({ entries }, 'entries of the quarantine have expired (QUARANTINE_TTL_DAYS)')
  }
  const stop = startExpiry(ttlMs, { quarantine, onExpired, log })
  lifecycle.onStop('expiry of the quarantine', async () => stop())
  return quarantine
}
