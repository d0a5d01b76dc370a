import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { connectRedisAdmin } from '../redis-admin.ts'
import { runUnderLoad } from '../scenario.ts'

const TIMES = { short: 10, long: 100 } as const
const INTERVAL_MS = 150

/** Flushes the scripts of Redis again and again. */
export const scriptsFlushed = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('scripts flushed', profile, async ({ redis, listeners }, harness) => {
    const { send } = await connectRedisAdmin(harness, redis.url)
    for (let time = 0; time < TIMES[profile]; time++) {
      await send('SCRIPT', 'FLUSH', 'SYNC')
      // Makes a node need its scripts too, not only the receiver.
      listeners[time % listeners.length]?.drop()
      await delay(INTERVAL_MS)
    }
  })
