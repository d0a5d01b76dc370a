import type { Config } from '../config/settings.ts'
import { lockDataDir, readFolderId } from '../lib/data-dir.ts'
import type { QuarantineStore } from '../receiver/quarantine/quarantine-files.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Lifecycle } from './lifecycle.ts'
import { createQuarantine } from './quarantine.ts'
import { openStores } from './storage.ts'
import type { Stores } from './storage.ts'

interface Dependencies {
  readonly lifecycle: Lifecycle
  readonly metrics: MetricsRegistry
  readonly log: Logger
}

/** What a process that takes webhooks has on disk, beside what the embedded broker stores. */
export interface Disk {
  /** The id of the data folder. */
  readonly dataFolder: string
  readonly quarantine: QuarantineStore
  /** Undefined without Redis. */
  readonly stores: Stores | undefined
}

/** Takes the data folder for this process, and opens what is in it. Undefined for a node, which has none. Rejects with START_FAILED. */
export async function openDisk(
  config: Config,
  { lifecycle, metrics, log }: Dependencies,
): Promise<Disk | undefined> {
  if (config.ROLE === 'node') return undefined
  const { doubt, release } = await lockDataDir(config.DATA_DIR)
  lifecycle.onStop('data folder', release)
  if (doubt !== undefined) log.warn({ doubt }, 'nothing keeps another container out of the data folder')
  const onRotten = (file: string): void => log.warn({ file }, 'rotten on disk, written again')
  const dataFolder = await readFolderId({ dataDir: config.DATA_DIR, app: config.SDK_APP_ID }, { onRotten })
  const quarantine = await createQuarantine(config, { lifecycle, metrics, log })
  const stores =
    config.REDIS_URL === undefined
      ? undefined
      : await openStores(config, { dataFolder, quarantine }, { metrics, log })
  return { dataFolder, quarantine, stores }
}
