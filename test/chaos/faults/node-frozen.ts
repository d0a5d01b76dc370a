import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'

const TIMES = { short: 1, long: 4 } as const
const FROZEN_MS = { short: 4_000, long: 20_000 } as const

/** Freezes the nodes in turn: each is silent, and closes nothing. Some sockets wait, others move on. */
export const nodeFrozen = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('node frozen', profile, async ({ nodes, clients }) => {
    for (let time = 0; time < TIMES[profile]; time++) {
      const node = nodes[time % nodes.length]
      const stalled = clients.filter(({ line }) => line.servers().includes(node?.port ?? 0))
      node?.signal('SIGSTOP')
      const ends = stalled.map(({ recordStall }) => recordStall())
      await delay(FROZEN_MS[profile])
      node?.signal('SIGCONT')
      for (const end of ends) end()
      await delay(1_000)
    }
  })
