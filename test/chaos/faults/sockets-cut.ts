import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'

const DURATION_MS = { short: 5_000, long: 30_000 } as const
const INTERVAL_MS = { short: 500, long: 2_000 } as const

/** Drops every socket again and again, each at a different time. It resumes at the other node. */
export const socketsCut = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('sockets dropped', profile, async ({ listeners }) => {
    const intervalMs = INTERVAL_MS[profile]
    await Promise.all(
      listeners.map(async (listener) => {
        await delay(Math.random() * intervalMs)
        for (let ms = 0; ms < DURATION_MS[profile]; ms += intervalMs) {
          listener.drop()
          await delay(intervalMs)
        }
      }),
    )
  })
