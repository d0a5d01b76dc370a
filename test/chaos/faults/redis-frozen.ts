import { setTimeout as delay } from 'node:timers/promises'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const FROZEN_MS = { short: 3_000, long: 10_000 } as const

/** Redis stands still: it answers nothing and closes nothing; meanwhile sockets come and go. */
export const redisFrozen = (size: Size): Promise<Row> =>
  playUnderLoad('Redis frozen', size, async ({ redis, listeners }) => {
    redis.signal('SIGSTOP')
    for (const [i, listener] of listeners.entries()) if (i % 2 === 0) listener.cut()
    await delay(FROZEN_MS[size])
    redis.signal('SIGCONT')
    await delay(500)
  })
