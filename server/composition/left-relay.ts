import type { Broker } from '../broker/broker.ts'
import type { Config } from '../config/settings.ts'
import { countQueued } from '../receiver/relay/queue-store.ts'
import type { Logger } from '../telemetry/logger.ts'

/**
 * Returns the broker with a warning, if a process with RELAY_URL has left requests for the app's backend in DATA_DIR, and this one
 * has none: they were answered OK, and only a relay delivers them.
 */
export function warnOfLeftRelay(broker: Broker, config: Config, log: Logger): Broker {
  if (config.ROLE === 'node' || config.RELAY_URL !== undefined) return broker
  const requests = countLeft(config, log)
  if (requests === 0) return broker
  const what = requests === 1 ? 'a request waits' : `${requests} requests wait`
  const warning = `${what} in DATA_DIR for the backend of the app, because this process has no RELAY_URL: set it again, at least until they are delivered`
  log.warn({ requests }, warning)
  return { ...broker, warnings: () => [warning, ...broker.warnings()] }
}

/** Returns 0 if that cannot be read, which is logged. */
function countLeft({ DATA_DIR: dataDir }: Config, log: Logger): number {
  try {
    return countQueued(dataDir)
  } catch (err) {
    // This process does not need it.
    log.warn({ err }, 'cannot look for requests in DATA_DIR that wait for the backend of the app')
    return 0
  }
}
