import { setTimeout as delay } from 'node:timers/promises'
import { readMetric } from '../../support/read-metric.ts'
import { waitUntilSpoolIsEmpty, runUnderLoad } from '../scenario.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { connectRedisAdmin } from '../redis-admin.ts'

const REFUSING_MS = { short: 5_000, long: 20_000 } as const

/** Redis has no memory left and refuses every write. It goes on answering everything else. */
export const redisRefuses = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('Redis refuses writes', profile, async ({ redis, receiver }, harness) => {
    const { send } = await connectRedisAdmin(harness, redis.url)
    await send('CONFIG', 'SET', 'maxmemory', '1mb')
    await delay(REFUSING_MS[profile])
    if ((await readMetric(receiver.url, 'spool_recalls')) === 0)
      harness.reportViolation('nothing is spooled: Redis refused no writes')
    await send('CONFIG', 'SET', 'maxmemory', '0')
    await waitUntilSpoolIsEmpty(receiver)
  })
