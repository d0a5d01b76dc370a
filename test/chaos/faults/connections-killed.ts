import { setTimeout as delay } from 'node:timers/promises'
import { connectOperator } from '../redis-admin.ts'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const TIMES = { short: 6, long: 100 } as const
const EVERY_MS = 300

/** Every connection of every process to Redis is cut, again and again. */
export const connectionsKilled = (size: Size): Promise<Row> =>
  playUnderLoad('Redis connections killed', size, async ({ redis }, stage) => {
    const { order } = await connectOperator(stage, redis.url)
    for (let time = 0; time < TIMES[size]; time++) {
      // Those of the gateway: by default Redis skips the one that asks.
      await order('CLIENT', 'KILL', 'TYPE', 'normal')
      await order('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await delay(EVERY_MS)
    }
  })
