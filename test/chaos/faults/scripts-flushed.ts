import { setTimeout as delay } from 'node:timers/promises'
import { connectOperator } from '../redis-admin.ts'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const TIMES = { short: 10, long: 100 } as const
const EVERY_MS = 150

/** Redis forgets the scripts, again and again. */
export const scriptsFlushed = (size: Size): Promise<Row> =>
  playUnderLoad('scripts flushed', size, async ({ redis, listeners }, stage) => {
    const { order } = await connectOperator(stage, redis.url)
    for (let time = 0; time < TIMES[size]; time++) {
      await order('SCRIPT', 'FLUSH', 'SYNC')
      // So that not only the receiver needs its script at once.
      listeners[time % listeners.length]?.cut()
      await delay(EVERY_MS)
    }
  })
