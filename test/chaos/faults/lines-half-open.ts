import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'
import { MAX_STALL_MS } from '../truth/audit-truth.ts'

const TIMES = { short: 1, long: 5 } as const

/** Nothing comes through the connections of clients any more, and nobody tells them. They notice by themselves. */
export const linesHalfOpen = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('lines half open', profile, async ({ clients }) => {
    for (let time = 0; time < TIMES[profile]; time++) {
      const ends = clients.map((client) => {
        const end = client.recordStall()
        client.line.swallow()
        return end
      })
      await delay(MAX_STALL_MS + 500)
      for (const end of ends) end()
    }
  })
