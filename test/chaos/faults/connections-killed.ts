import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { connectRedisAdmin } from '../redis-admin.ts'
import { runUnderLoad } from '../scenario.ts'

const TIMES = { short: 6, long: 100 } as const
const INTERVAL_MS = 300

/** Kills all connections to Redis, of all processes, again and again. */
export const connectionsKilled = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('Redis connections killed', profile, async ({ redis }, harness) => {
    const { send } = await connectRedisAdmin(harness, redis.url)
    for (let time = 0; time < TIMES[profile]; time++) {
      // By default Redis spares the connection that sends the command.
      await send('CLIENT', 'KILL', 'TYPE', 'normal')
      await send('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await delay(INTERVAL_MS)
    }
  })
