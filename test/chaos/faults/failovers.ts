import { APP } from '../../support/gateway-process.ts'
import { startRedisCluster } from '../../support/redis-cluster.ts'
import type { RedisCluster } from '../../support/redis-cluster.ts'
import { startRedisSentinels } from '../../support/redis-sentinels.ts'
import { until } from '../../support/wait.ts'
import { isServed, playUnderLoadOn } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'
import type { Stage } from '../harness.ts'

/** Any name of the app: all are in one slot. */
const KEY = `recall-gateway:{${APP}}:recalled:group:g`
const FAILOVER_TIMEOUT_MS = 30_000
const MOVES = { short: 1, long: 5 } as const

type Signal = 'SIGKILL' | 'SIGSTOP'

/** The master that the sentinels watch dies, or freezes; another one follows. */
export const sentinelFailover =
  (fault: string, signal: Signal) =>
  (size: Size): Promise<Row> =>
    playUnderLoadOn(fault, size, async (stage) => {
      const redis = await startRedisSentinels()
      stage.later(redis.stop)
      const [master] = redis.servers
      return {
        settings: { REDIS_URL: redis.url, REDIS_MODE: 'sentinel', REDIS_WAIT_REPLICAS: '1' },
        async disturb(cast) {
          master.signal(signal)
          const isAnother = async () => (await redis.master()) !== master.port
          await until('another master', isAnother, FAILOVER_TIMEOUT_MS)
          await isServed(cast)
        },
      }
    })

/** The master of our slot dies, or freezes; another node takes the slot. */
export const clusterFailover =
  (fault: string, signal: Signal) =>
  (size: Size): Promise<Row> =>
    playUnderLoadOn(fault, size, async (stage) => {
      const redis = await startCluster(stage, 3)
      await redis.giveReplica(KEY)
      return {
        settings: { REDIS_URL: redis.url, REDIS_MODE: 'cluster', REDIS_WAIT_REPLICAS: '1' },
        async disturb(cast) {
          const master = await redis.owner(KEY)
          master.signal(signal)
          const isAnother = async () => (await redis.owner(KEY, master)) !== master
          await until('another master', isAnother, FAILOVER_TIMEOUT_MS)
          await isServed(cast)
        },
      }
    })

/** Our slot moves from master to master, with all that is in it. */
export const slotMoved = (size: Size): Promise<Row> =>
  playUnderLoadOn('slot moved', size, async (stage) => {
    const redis = await startCluster(stage, 0)
    return {
      settings: { REDIS_URL: redis.url, REDIS_MODE: 'cluster' },
      async disturb(cast) {
        for (let move = 0; move < MOVES[size]; move++) {
          const from = await redis.owner(KEY)
          const to = redis.nodes.find((node) => node !== from)
          if (to === undefined) throw new Error('there are three masters')
          const { recalls } = stage.ledger
          const before = recalls.length
          await redis.moveSlot(KEY, to, () =>
            until('recalls in the middle', () => recalls.length > before + 20),
          )
          if ((await redis.owner(KEY)) !== to) stage.complain('the slot did not move')
          await isServed(cast)
        }
      },
    }
  })

async function startCluster(stage: Stage, replicas: number): Promise<RedisCluster> {
  const redis = await startRedisCluster({ masters: 3, replicas })
  stage.later(redis.stop)
  return redis
}
