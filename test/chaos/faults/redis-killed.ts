import { setTimeout as delay } from 'node:timers/promises'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

/** How long Redis is away, one time after the other. */
const AWAY_MS = { short: [1_000], long: [1_000, 30_000] } as const

/** Redis is killed and started again with all that it had confirmed; meanwhile sockets come and go. */
export async function redisKilled(size: Size): Promise<Row> {
  const { path: keepIn, remove } = temporaryFolder()
  try {
    return await playUnderLoad(
      'Redis killed',
      size,
      async ({ redis: { port, stop }, listeners }, stage) => {
        let kill = stop
        for (const ms of AWAY_MS[size]) {
          await kill()
          for (const [i, listener] of listeners.entries()) if (i % 2 === 0) listener.cut()
          await delay(ms)
          const again = await stage.startRedis({ port, keepIn })
          kill = again.stop
          await delay(1_000)
        }
      },
      { redis: { keepIn } },
    )
  } finally {
    remove()
  }
}
