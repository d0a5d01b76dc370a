import { pino } from 'pino'
import type { Broker, BrokerOptions } from '../../server/broker/broker.ts'
import { createEmbeddedBroker } from '../../server/broker/embedded/embedded-broker.ts'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { APP } from './gateway-process.ts'
import { startRedisCluster } from './redis-cluster.ts'
import type { RedisCluster } from './redis-cluster.ts'
import { startRedis } from './redis-server.ts'
import { temporaryFolder } from './temporary-folder.ts'

const log = pino({ level: 'silent' })

/** Creates brokers of one kind on one storage. While it is open, each broker finds what earlier ones stored. */
export interface BrokerFixture {
  create(options?: Partial<BrokerOptions>): Broker
  /** Whether several brokers can be open at a time. */
  readonly shared: boolean
  close(): Promise<void>
}

const withDefaults = (options: Partial<BrokerOptions>): BrokerOptions => ({
  historySize: 100,
  historyTtlS: 60,
  ...options,
})

/** Shared by all tests, because a cluster takes seconds to form. */
let cluster: Promise<RedisCluster> | undefined
let prefixes = 0
after(async () => (await cluster)?.stop())

/** Every implementation of the port. */
export const BROKER_FIXTURES: Readonly<Record<string, () => Promise<BrokerFixture>>> = {
  async embedded() {
    const folder = temporaryFolder()
    return {
      shared: false,
      create: (options = {}) =>
        createEmbeddedBroker({ ...withDefaults(options), dataDir: folder.path }, { log }),
      close: async () => folder.remove(),
    }
  },
  async redis() {
    const redis = await startRedis()
    return {
      shared: true,
      create: (options = {}) =>
        createRedisBroker({ ...withDefaults(options), url: redis.url, prefix: 'test', app: APP }, { log }),
      close: redis.stop,
    }
  },
  async 'redis, signed'() {
    const redis = await startRedis()
    const settings = { url: redis.url, prefix: 'test', app: APP, signingKeys: ['k'.repeat(32)] }
    return {
      shared: true,
      create: (options = {}) => createRedisBroker({ ...withDefaults(options), ...settings }, { log }),
      close: redis.stop,
    }
  },
  async 'redis cluster'() {
    const { url } = await (cluster ??= startRedisCluster({ masters: 2, replicas: 0 }))
    const prefix = `test-${++prefixes}`
    return {
      shared: true,
      create: (options = {}) =>
        createRedisBroker({ ...withDefaults(options), url, mode: 'cluster', prefix, app: APP }, { log }),
      close: async () => undefined,
    }
  },
}
