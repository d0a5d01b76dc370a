import { setTimeout as delay } from 'node:timers/promises'
import { connectOperator } from '../redis-admin.ts'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const TIMES = { short: 2, long: 10 } as const
const EVERY_MS = 800

/** Someone empties Redis while everything runs. */
export const allFlushed = (size: Size): Promise<Row> =>
  playUnderLoad('Redis flushed', size, async ({ redis }, stage) => {
    const { order } = await connectOperator(stage, redis.url)
    for (let time = 0; time < TIMES[size]; time++) {
      await order('FLUSHALL', 'SYNC')
      await delay(EVERY_MS)
    }
  })
