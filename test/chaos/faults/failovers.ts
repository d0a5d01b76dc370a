import { APP } from '../../support/gateway-process.ts'
import { startRedisCluster } from '../../support/redis-cluster.ts'
import type { RedisCluster } from '../../support/redis-cluster.ts'
import { startRedisSentinels } from '../../support/redis-sentinels.ts'
import { waitUntil } from '../../support/wait.ts'
import type { FaultResult, Profile } from '../fault.ts'
import type { Harness } from '../harness.ts'
import { runUnderLoadOn, waitUntilServed } from '../scenario.ts'

/** Any key of the app: all of them are in one slot. */
const KEY = `recall-gateway:{${APP}}:recalled:group:g`
const FAILOVER_TIMEOUT_MS = 30_000
const MOVES = { short: 1, long: 5 } as const

type Signal = 'SIGKILL' | 'SIGSTOP'

/** Kills or freezes the master that the sentinels watch. They promote its replica. */
export const sentinelFailover =
  (fault: string, signal: Signal) =>
  (profile: Profile): Promise<FaultResult> =>
    runUnderLoadOn(fault, profile, async (harness) => {
      const redis = await startRedisSentinels()
      harness.onClose(redis.stop)
      const [master] = redis.servers
      return {
        settings: { REDIS_URL: redis.url, REDIS_MODE: 'sentinel', REDIS_WAIT_REPLICAS: '1' },
        async injectFault(deployment) {
          master.signal(signal)
          const hasFailedOver = async () => (await redis.master()) !== master.port
          await waitUntil('there is another master', hasFailedOver, FAILOVER_TIMEOUT_MS)
          await waitUntilServed(deployment)
        },
      }
    })

/** Kills or freezes the master that owns the slot. Another node takes over. */
export const clusterFailover =
  (fault: string, signal: Signal) =>
  (profile: Profile): Promise<FaultResult> =>
    runUnderLoadOn(fault, profile, async (harness) => {
      const redis = await startCluster(harness, 3)
      await redis.addReplica(KEY)
      return {
        settings: { REDIS_URL: redis.url, REDIS_MODE: 'cluster', REDIS_WAIT_REPLICAS: '1' },
        async injectFault(deployment) {
          const master = await redis.owner(KEY)
          master.signal(signal)
          const hasFailedOver = async () => (await redis.owner(KEY, master)) !== master
          await waitUntil('there is another master', hasFailedOver, FAILOVER_TIMEOUT_MS)
          await waitUntilServed(deployment)
        },
      }
    })

/** Moves the slot from master to master, with all its keys. */
export const slotMoved = (profile: Profile): Promise<FaultResult> =>
  runUnderLoadOn('slot moved', profile, async (harness) => {
    const redis = await startCluster(harness, 0)
    return {
      settings: { REDIS_URL: redis.url, REDIS_MODE: 'cluster' },
      async injectFault(deployment) {
        for (let move = 0; move < MOVES[profile]; move++) {
          const from = await redis.owner(KEY)
          const to = redis.nodes.find((node) => node !== from)
          if (to === undefined) throw new Error('there are three masters')
          const { recalls } = harness.recorder
          const before = recalls.length
          await redis.moveSlot(KEY, to, () =>
            waitUntil('recalls are sent during the move', () => recalls.length > before + 20),
          )
          if ((await redis.owner(KEY)) !== to) harness.reportViolation('the slot did not move')
          await waitUntilServed(deployment)
        }
      },
    }
  })

async function startCluster(harness: Harness, replicas: number): Promise<RedisCluster> {
  const redis = await startRedisCluster({ masters: 3, replicas })
  harness.onClose(redis.stop)
  return redis
}
