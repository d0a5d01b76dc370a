import { Redis } from 'ioredis'
import { pino } from 'pino'
import { createKeys } from '../../server/broker/redis/keys.ts'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import type { RedisOptions } from '../../server/broker/redis/redis-broker.ts'
import { APP } from './gateway-process.ts'
import { startRedis } from './redis-server.ts'

const PREFIX = 'test'

/** Names of what such a broker stores. */
export const KEYS = createKeys(PREFIX, APP)

/** Starts a Redis, a broker on it, and a client that looks into what the broker stores. */
export async function startRedisBroker(
  onCleanUp: (cleanUp: () => unknown) => void,
  options: Partial<RedisOptions> = {},
) {
  const { url, stop } = await startRedis()
  onCleanUp(stop)
  const broker = createRedisBroker(
    { url, prefix: PREFIX, app: APP, historySize: 100, historyTtlS: 60, ...options },
    { log: pino({ level: 'silent' }) },
  )
  await broker.start()
  onCleanUp(() => broker.stop())
  const redis = new Redis(url)
  onCleanUp(() => redis.disconnect())
  return { url, broker, redis }
}
