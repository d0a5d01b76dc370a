import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { connectRedisAdmin } from '../redis-admin.ts'
import { runUnderLoad } from '../scenario.ts'

const TIMES = { short: 2, long: 10 } as const
const INTERVAL_MS = 800

/** Flushes Redis while everything runs. */
export const allFlushed = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('Redis flushed', profile, async ({ redis }, harness) => {
    const { send } = await connectRedisAdmin(harness, redis.url)
    for (let time = 0; time < TIMES[profile]; time++) {
      await send('FLUSHALL', 'SYNC')
      await delay(INTERVAL_MS)
    }
  })
