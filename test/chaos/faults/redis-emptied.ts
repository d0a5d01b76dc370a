import { setTimeout as delay } from 'node:timers/promises'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const AWAY_MS = { short: 1_000, long: 10_000 } as const

/** Redis is killed and comes back with nothing. */
export const redisEmptied = (size: Size): Promise<Row> =>
  playUnderLoad('Redis killed, comes back empty', size, async ({ redis }, stage) => {
    await redis.stop()
    await delay(AWAY_MS[size])
    await stage.startRedis({ port: redis.port })
    await delay(500)
  })
