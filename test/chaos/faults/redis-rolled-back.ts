import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const TIMES = { short: 1, long: 5 } as const
/** What Redis forgets of the latest. */
const FORGETS_MS = { short: 500, long: 3_000 } as const
const AWAY_MS = 300

/** Redis is killed and comes back as it was a while ago, as after a failover: what it confirmed since is gone. */
export async function redisRolledBack(size: Size): Promise<Row> {
  const { path, remove } = temporaryFolder()
  const life = (number: number): string => join(path, String(number))
  try {
    return await playUnderLoad(
      'Redis rolled back',
      size,
      async ({ redis: { port, stop }, listeners }, stage) => {
        let kill = stop
        for (let time = 0; time < TIMES[size]; time++) {
          cpSync(life(time), life(time + 1), { recursive: true })
          await delay(FORGETS_MS[size])
          await kill()
          // Some come back to nodes that do not know yet, with positions that are no more.
          for (const [i, listener] of listeners.entries()) if (i % 2 === 0) listener.cut()
          await delay(AWAY_MS)
          kill = (await stage.startRedis({ port, keepIn: life(time + 1) })).stop
          await delay(1_000)
        }
      },
      { redis: { keepIn: life(0) } },
    )
  } finally {
    remove()
  }
}
