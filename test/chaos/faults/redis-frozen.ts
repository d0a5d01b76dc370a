import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'

const FROZEN_MS = { short: 6_000, long: 10_000 } as const

/** Freezes Redis: it responds to nothing and closes nothing. Meanwhile sockets reconnect. */
export const redisFrozen = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('Redis frozen', profile, async ({ redis, listeners }) => {
    redis.signal('SIGSTOP')
    for (const [i, listener] of listeners.entries()) if (i % 2 === 0) listener.drop()
    await delay(FROZEN_MS[profile])
    redis.signal('SIGCONT')
    await delay(500)
  })
