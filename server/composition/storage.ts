import { join } from 'node:path'
import type { Broker } from '../broker/broker.ts'
import { createEmbeddedBroker } from '../broker/embedded/embedded-broker.ts'
import { createRedisBroker } from '../broker/redis/redis-broker.ts'
import { openCopies } from '../broker/spooling/copies.ts'
import type { Copies } from '../broker/spooling/copies.ts'
import { keepGroupEnds, openGroupEnds } from '../broker/spooling/group-ends.ts'
import type { GroupEnds } from '../broker/spooling/group-ends.ts'
import { keepCopies } from '../broker/spooling/keep-copies.ts'
import { openSpool } from '../broker/spooling/spool.ts'
import type { Spool, SpoolDamage } from '../broker/spooling/spool.ts'
import { createSpoolingBroker } from '../broker/spooling/spooling-broker.ts'
import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import { inDataDir } from '../lib/data-dir.ts'
import { systemDisk } from '../lib/disk.ts'
import { createSetAside } from '../receiver/quarantine/quarantine.ts'
import type { Quarantine } from '../receiver/quarantine/quarantine.ts'
import type { Gauges } from '../telemetry/gauges.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'

/** What a process that takes webhooks has on disk, besides Redis. */
export interface Stores {
  /** The id of the folder that holds the others. */
  readonly dataFolder: string
  readonly spool: Spool
  readonly groupEnds: GroupEnds
  readonly copies: Copies
  readonly quarantine: Quarantine
}

export async function createBroker(
  config: Config,
  disk: { readonly quarantine: Quarantine; readonly stores: Stores | undefined } | undefined,
  { metrics, log }: { readonly metrics: MetricsRegistry; readonly log: Logger },
): Promise<Broker> {
  const redis = options.redis(config)
  if (redis === undefined) {
    const onDamage = disk && createDamageReport(disk.quarantine, log)
    const embedded = createEmbeddedBroker(options.embedded(config), { log, ...(onDamage && { onDamage }) })
    return warnOfSpool(embedded, await spooledIn(config, onDamage, log), log)
  }
  const redisBroker = createRedisBroker(redis, { metrics, log })
  if (disk?.stores === undefined) return redisBroker
  const { dataFolder, spool, groupEnds, copies } = disk.stores
  const setAside = createSetAside(config.SDK_APP_ID, disk.quarantine)
  const onRecovered = metrics.recallRecovered
  const recoverable = { broker: redisBroker, copies, setAside, onRecovered, log }
  const copied = keepCopies({ markerName: dataFolder, historySize: redis.historySize }, recoverable)
  const broker = keepGroupEnds({ broker: copied, ends: groupEnds, log })
  return createSpoolingBroker(options.spooling(config), { broker, spool, setAside, log })
}

export async function openStores(
  config: Config,
  { dataFolder, quarantine }: Pick<Stores, 'dataFolder' | 'quarantine'>,
  { metrics, log }: { readonly metrics: Pick<MetricsRegistry, 'copyRotten'>; readonly log: Logger },
): Promise<Stores> {
  const onDamage = createDamageReport(quarantine, log)
  const stores = {
    dataFolder,
    spool: await openInDataDir(config, (store) => openSpool({ ...store, onDamage })),
    groupEnds: await openInDataDir(config, (store) => openGroupEnds({ ...store, onDamage })),
    copies: await openInDataDir(config, ({ dataDir }) =>
      openCopies({ dataDir }, { onRotten: metrics.copyRotten, log }),
    ),
    quarantine,
  }
  warnOfAnotherRedis(config, stores, log)
  return stores
}

/**
 * What waits on the disk of this process to be published: the spool, and what Redis may have lost. Nodes that do not know of it doubt
 * delivery while there is any.
 */
export function waitingOnDisk(
  stores: Pick<Stores, 'spool' | 'copies'> | undefined,
): ReturnType<Gauges['spoolDepth']> {
  if (stores === undefined) return undefined
  const [spooled, lost] = [stores.spool.depth(Date.now()), stores.copies.lostDepth()]
  return {
    recalls: spooled.recalls + lost.recalls,
    bytes: spooled.bytes + lost.bytes,
    ageMs: Math.max(spooled.ageMs, lost.ageMs),
    ...(spooled.full && { full: true as const }),
  }
}

/** Returns how many recalls an earlier process with Redis has left in the spool; 0 if that cannot be read, which is logged. */
async function spooledIn(
  config: Config,
  onDamage: ReturnType<typeof createDamageReport> | undefined,
  log: Logger,
): Promise<number> {
  try {
    if (systemDisk.list(join(config.DATA_DIR, 'spool')).length === 0) return 0
    const spool = await openInDataDir(config, (store) =>
      openSpool({ ...store, ...(onDamage && { onDamage }) }),
    )
    const spooled = spool.size()
    await spool.close()
    return spooled
  } catch (err) {
    // This process does not need it.
    log.warn({ err }, 'cannot look for recalls in the spool of DATA_DIR that wait for Redis')
    return 0
  }
}

/** They were answered OK, and only a process with Redis publishes them. */
function warnOfSpool(broker: Broker, spooled: number, log: Logger): Broker {
  if (spooled === 0) return broker
  const what = spooled === 1 ? 'a recall waits' : `${spooled} recalls wait`
  const warning = `${what} in the spool of DATA_DIR for Redis, untold, because this process has no REDIS_URL: set it again, at least until the spool is empty`
  log.warn({ spooled }, warning)
  return { ...broker, warnings: () => [warning, ...broker.warnings()] }
}

/** A move to a new Redis looks the same as production's folder under staging. */
function warnOfAnotherRedis(config: Config, { spool, copies }: Stores, log: Logger): void {
  if (!spool.reachedAnother(options.spooling(config).brokerName)) return
  const [spooled, copied] = [spool.size(), copies.size().recalls]
  if (spooled + copied > 0)
    log.warn(
      { spooled, copied, DATA_DIR: config.DATA_DIR },
      'the last process on this data folder used another REDIS_URL or REDIS_PREFIX: its recalls are published here. Unless you moved to another Redis, stop, and name another DATA_DIR',
    )
}

/** Returns a function that logs what is damaged on disk, and puts an entry that is lost into the quarantine as it was read. */
export const createDamageReport =
  (quarantine: Quarantine, log: Logger) =>
  ({ kind, bytes, where }: SpoolDamage): void => {
    if (kind === 'torn')
      log.warn(
        { where, bytes: bytes.length },
        'a file ends within an entry: the process or the power ended while it was written, or the file was cut later',
      )
    else if (kind === 'strays')
      log.warn({ where }, 'entries of another file were found in this one, and taken in')
    else if (kind === 'reached')
      log.warn({ where }, 'rotten on disk: this start takes the broker for one that was reached before')
    else if (kind === 'removals')
      log.warn({ where }, 'rotten on disk, confirmed recalls may be published again')
    else {
      // Nobody waits: a disk that rots may have thousands of them, and those of a turn share a flush.
      quarantine
        .addRotten(bytes, `rotten on disk: ${where}`)
        .catch((err: unknown) => log.error({ err, where }, 'cannot keep in the quarantine what is rotten'))
      log.error({ where, bytes: bytes.length }, 'an entry is rotten on disk, set aside in the quarantine')
    }
  }

/** Calls `open` with the options of the stores in the data folder. Throws START_FAILED. */
export const openInDataDir = <Store>(
  config: Config,
  open: (store: ReturnType<typeof options.stores>) => Store | Promise<Store>,
): Promise<Store> => inDataDir(config.DATA_DIR, () => open(options.stores(config)))
