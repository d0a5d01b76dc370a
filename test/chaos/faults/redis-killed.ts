import { setTimeout as delay } from 'node:timers/promises'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'

/** The duration of each outage. */
const DOWN_MS = { short: [1_000], long: [1_000, 30_000] } as const

/** Kills Redis and restarts it with everything it had confirmed. Meanwhile sockets reconnect. */
export async function redisKilled(profile: Profile): Promise<FaultResult> {
  const { path: dataDir, remove } = temporaryFolder()
  try {
    return await runUnderLoad(
      'Redis killed',
      profile,
      async ({ redis: { port, stop }, listeners }, harness) => {
        let kill = stop
        for (const ms of DOWN_MS[profile]) {
          await kill()
          for (const [i, listener] of listeners.entries()) if (i % 2 === 0) listener.drop()
          await delay(ms)
          const restarted = await harness.startRedis({ port, dataDir })
          kill = restarted.stop
          await delay(1_000)
        }
      },
      { redis: { dataDir } },
    )
  } finally {
    remove()
  }
}
