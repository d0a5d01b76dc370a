import type { Broker } from '../broker/broker.ts'
import { createEmbeddedBroker } from '../broker/embedded/embedded-broker.ts'
import { createRedisBroker } from '../broker/redis/redis-broker.ts'
import { keepGroupEnds, openGroupEnds } from '../broker/spooling/group-ends.ts'
import type { GroupEnds } from '../broker/spooling/group-ends.ts'
import { openSpool } from '../broker/spooling/spool.ts'
import type { Spool } from '../broker/spooling/spool.ts'
import { createSpoolingBroker } from '../broker/spooling/spooling-broker.ts'
import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import { inDataDir } from '../lib/data-dir.ts'
import { createSetAside, openQuarantine } from '../receiver/quarantine.ts'
import type { Quarantine } from '../receiver/quarantine.ts'
import type { Logger } from '../telemetry/logger.ts'

/** What a process that takes webhooks has on disk, besides Redis. */
interface Stores {
  readonly spool: Spool
  readonly groupEnds: GroupEnds
  readonly quarantine: Quarantine
}

export function createBroker(config: Config, stores: Stores | undefined, log: Logger): Broker {
  const redis = options.redis(config)
  if (redis === undefined) return createEmbeddedBroker(options.embedded(config), { log })
  const redisBroker = createRedisBroker(redis, { log })
  if (stores === undefined) return redisBroker
  const { spool, groupEnds, quarantine } = stores
  const broker = keepGroupEnds({ broker: redisBroker, ends: groupEnds, log })
  const setAside = createSetAside(config.SDK_APP_ID, quarantine)
  return createSpoolingBroker(options.spooling(config), { broker, spool, setAside, log })
}

export const openStores = async (config: Config, quarantine: Quarantine): Promise<Stores> => ({
  spool: await openInDataDir(config, openSpool),
  groupEnds: await openInDataDir(config, openGroupEnds),
  quarantine,
})

export const createQuarantine =
  (log: Logger) =>
  (store: ReturnType<typeof options.stores>): ReturnType<typeof openQuarantine> =>
    openQuarantine({
      ...store,
      onEvicted: (requests) => log.warn({ requests }, 'quarantine full, oldest requests evicted'),
    })

/** Calls `open` with the options of the stores in the data folder. Throws START_FAILED. */
export const openInDataDir = <Store>(
  config: Config,
  open: (store: ReturnType<typeof options.stores>) => Store,
): Promise<Store> => inDataDir(config.DATA_DIR, () => open(options.stores(config)))
