import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'

const DOWN_MS = { short: 1_000, long: 10_000 } as const

/** Kills Redis and restarts it without any data. */
export const redisEmptied = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('Redis killed and restarted empty', profile, async ({ redis }, harness) => {
    await redis.stop()
    await delay(DOWN_MS[profile])
    await harness.startRedis({ port: redis.port })
    await delay(500)
  })
