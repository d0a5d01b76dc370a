import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../../support/wait.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad, waitUntilSpoolIsEmpty } from '../scenario.ts'

const FROZEN_MS = { short: 2_500, long: 15_000 } as const
/** Holds about 25 recalls. */
const SPOOL_MAX_BYTES = '5000'
/** How long the provider waits for a response. It treats an earlier error as final. */
const PROVIDER_TIMEOUT_MS = 2_000

/** Freezes Redis until the spool is full. A recall that cannot be stored must not be acknowledged. */
export const spoolFull = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad(
    'spool full',
    profile,
    async ({ redis, receiver }, harness) => {
      redis.signal('SIGSTOP')
      await delay(FROZEN_MS[profile])
      const isRefused = () => harness.recorder.recalls.some(({ status }) => status === 503)
      await waitUntil('a recall is refused', isRefused)
      redis.signal('SIGCONT')
      await waitUntilSpoolIsEmpty(receiver)
      // Refusals are sent so late that Redis may be back, and the spool empty, before them.
      const sent = [...harness.recorder.recalls]
      await waitUntil('every recall has a response', () =>
        sent.every(({ respondedAtMs }) => respondedAtMs !== undefined),
      )
      const refused = sent.filter(({ status }) => status === 503)
      if (refused.length === 0) harness.reportViolation('nothing was refused: the spool was not full')
      const early = refused.filter(
        ({ sentAtMs, respondedAtMs = 0 }) => respondedAtMs - sentAtMs < PROVIDER_TIMEOUT_MS,
      )
      if (early.length > 0)
        harness.reportViolation(`${early.length} refused before the timeout of the provider`)
    },
    { receiver: { SPOOL_MAX_BYTES } },
  )
