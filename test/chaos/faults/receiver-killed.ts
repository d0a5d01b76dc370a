import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { readMetric } from '../../support/read-metric.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitUntil } from '../../support/wait.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad, waitUntilSpoolIsEmpty } from '../scenario.ts'

const TIMES = { short: 1, long: 4 } as const
const FROZEN_MS = 1_500
const MIN_SPOOLED_RECALLS = 20
/** Long enough that clients must say that notices are missing. */
const DOWN_MS = 4_000

/** Kills the receiver while recalls are spooled, and restarts it with the same data. */
export async function receiverKilled(profile: Profile): Promise<FaultResult> {
  const { path: DATA_DIR, remove } = temporaryFolder()
  const settings = { DATA_DIR, PORT: String(await freePort()) }
  try {
    return await runUnderLoad(
      'receiver killed with a filled spool',
      profile,
      async ({ redis, receiver: first }, harness) => {
        let receiver = first
        for (let time = 0; time < TIMES[profile]; time++) {
          redis.signal('SIGSTOP')
          await delay(FROZEN_MS)
          await waitUntil('recalls are spooled', async () => {
            return (await readMetric(receiver.url, 'spool_recalls')) >= MIN_SPOOLED_RECALLS
          })
          receiver.signal('SIGKILL')
          await receiver.exited
          // Every other time Redis is back before the receiver; otherwise it is still frozen.
          if (time % 2 === 0) redis.signal('SIGCONT')
          await delay(DOWN_MS)
          receiver = await harness.startGateway({ ROLE: 'receiver', REDIS_URL: redis.url, ...settings })
          redis.signal('SIGCONT')
          await waitUntilSpoolIsEmpty(receiver)
        }
      },
      { receiver: settings },
    )
  } finally {
    remove()
  }
}
