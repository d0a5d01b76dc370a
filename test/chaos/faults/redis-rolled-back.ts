import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../../support/wait.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import type { FaultResult, Profile } from '../fault.ts'
import type { Harness } from '../harness.ts'
import { runUnderLoad } from '../scenario.ts'

const TIMES = { short: 1, long: 5 } as const
/** How much of its latest data Redis loses. */
const LOST_MS = { short: 500, long: 3_000 } as const
const DOWN_MS = 300

const countKept = ({ recorder }: Harness): number =>
  recorder.recalls.filter(({ status }) => status === 200).length

/** Kills Redis and restarts it from an older state, as after a failover: it loses the latest data it confirmed. */
export async function redisRolledBack(profile: Profile): Promise<FaultResult> {
  const { path, remove } = temporaryFolder()
  const dataOf = (generation: number): string => join(path, String(generation))
  try {
    return await runUnderLoad(
      'Redis rolled back',
      profile,
      async ({ redis: { port, stop }, listeners }, harness) => {
        let kill = stop
        for (let time = 0; time < TIMES[profile]; time++) {
          cpSync(dataOf(time), dataOf(time + 1), { recursive: true })
          const before = countKept(harness)
          await delay(LOST_MS[profile])
          await waitUntil('what it will lose is kept', () => countKept(harness) > before + 5)
          await kill()
          // Half of the listeners reconnect, with lost positions, to nodes that do not know of the loss yet.
          for (const [i, listener] of listeners.entries()) if (i % 2 === 0) listener.drop()
          await delay(DOWN_MS)
          kill = (await harness.startRedis({ port, dataDir: dataOf(time + 1) })).stop
          await delay(1_000)
        }
      },
      { redis: { dataDir: dataOf(0) } },
    )
  } finally {
    remove()
  }
}
