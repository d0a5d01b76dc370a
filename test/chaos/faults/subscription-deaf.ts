import { setTimeout as delay } from 'node:timers/promises'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoadOn } from '../scenario.ts'

const DEAF_MS = { short: 6_000, long: 30_000 } as const
/** New subscriptions become deaf this soon too. */
const INTERVAL_MS = 50

/** The nodes subscribe and hear nothing, on new connections either, while everything else that they ask Redis works. */
export const subscriptionDeaf = (profile: Profile): Promise<FaultResult> =>
  runUnderLoadOn('subscription deaf', profile, async (harness) => {
    const redis = await harness.startRedis()
    const proxy = await startTcpProxy(redis.port)
    harness.onClose(proxy.stop)
    return {
      settings: { REDIS_URL: redis.url },
      node: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
      async injectFault() {
        for (let ms = 0; ms < DEAF_MS[profile]; ms += INTERVAL_MS) {
          proxy.swallow({ sent: 'ssubscribe', direction: 'to client' })
          await delay(INTERVAL_MS)
        }
        proxy.cut()
      },
    }
  })
