import { setTimeout as delay } from 'node:timers/promises'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoadOn } from '../scenario.ts'

/** Each way. At the first, everything is late; at the second, nothing is in time. */
const DELAYS_MS = [300, 1_500]
const SLOW_MS = { short: 3_500, long: 20_000 } as const

/** Redis answers later and later, then in time again. */
export const redisSlow = (profile: Profile): Promise<FaultResult> =>
  runUnderLoadOn('Redis slow', profile, async (harness) => {
    const redis = await harness.startRedis()
    const proxy = await startTcpProxy(redis.port)
    harness.onClose(proxy.stop)
    return {
      settings: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
      async injectFault() {
        for (const ms of DELAYS_MS) {
          proxy.delay(ms)
          await delay(SLOW_MS[profile])
        }
        proxy.delay(0)
      },
    }
  })
