import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { until } from '../../support/wait.ts'
import { playUnderLoad, spoolIsEmpty } from '../scenario.ts'
import { readMetric } from '../../support/read-metric.ts'
import type { Row, Size } from '../fault.ts'

const TIMES = { short: 1, long: 4 } as const
const FROZEN_MS = 1_500
const WAITING_AT_LEAST = 20

/** The receiver is killed while recalls wait in its spool, and started again on the same folder. */
export async function receiverKilled(size: Size): Promise<Row> {
  const { path: DATA_DIR, remove } = temporaryFolder()
  const own = { DATA_DIR, PORT: String(await freePort()) }
  try {
    return await playUnderLoad(
      'receiver killed with a filled spool',
      size,
      async ({ redis, receiver: first }, stage) => {
        let receiver = first
        for (let time = 0; time < TIMES[size]; time++) {
          redis.signal('SIGSTOP')
          await delay(FROZEN_MS)
          await until('recalls wait', async () => {
            return (await readMetric(receiver.url, 'spool_recalls')) >= WAITING_AT_LEAST
          })
          receiver.signal('SIGKILL')
          await receiver.exited
          // By turns it finds Redis back, or still frozen.
          if (time % 2 === 0) redis.signal('SIGCONT')
          receiver = await stage.startGateway({ ROLE: 'receiver', REDIS_URL: redis.url, ...own })
          redis.signal('SIGCONT')
          await spoolIsEmpty(receiver)
        }
      },
      { receiver: own },
    )
  } finally {
    remove()
  }
}
