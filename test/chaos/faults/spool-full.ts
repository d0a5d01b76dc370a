import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../support/wait.ts'
import { playUnderLoad, spoolIsEmpty } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const FROZEN_MS = { short: 2_500, long: 15_000 } as const
/** Room for about twenty-five recalls. */
const SPOOL_MAX_BYTES = '5000'
/** What the provider waits for an answer: an error that comes earlier is final. */
const PROVIDER_WAITS_MS = 2_000

/** The spool is full while Redis stands still: what cannot be kept is not answered OK. */
export const spoolFull = (size: Size): Promise<Row> =>
  playUnderLoad(
    'spool full',
    size,
    async ({ redis, receiver }, stage) => {
      redis.signal('SIGSTOP')
      await delay(FROZEN_MS[size])
      redis.signal('SIGCONT')
      await spoolIsEmpty(receiver)
      // What is refused is told so late that Redis may be back, and the spool empty, before.
      const sent = [...stage.ledger.recalls]
      await until('all are answered', () => sent.every(({ answeredAtMs }) => answeredAtMs !== undefined))
      const refused = sent.filter(({ status }) => status === 503)
      if (refused.length === 0) stage.complain('nothing was refused: the spool was not full')
      const early = refused.filter(
        ({ sentAtMs, answeredAtMs = 0 }) => answeredAtMs - sentAtMs < PROVIDER_WAITS_MS,
      )
      if (early.length > 0) stage.complain(`${early.length} refused before the provider had given up`)
    },
    { receiver: { SPOOL_MAX_BYTES } },
  )
