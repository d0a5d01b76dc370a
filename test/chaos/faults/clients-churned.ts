import { setTimeout as delay } from 'node:timers/promises'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'
import { churnClient } from '../truth/churn.ts'
import { FEED } from '../../../shared/room.ts'

const DURATION_MS = { short: 8_000, long: Number(process.env['CHURN_S'] ?? 60) * 1_000 } as const
const CLIENTS = { short: 5, long: 10 } as const

/** Clients do all that apps and networks do to them, at random: drops, leaves, throws, closes, kills, slow handlers. */
export const clientsChurned = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad(
    'clients churned',
    profile,
    async ({ nodes }, harness) => {
      const ports = nodes.map(({ port }) => port)
      const clients = await Promise.all(
        Array.from({ length: CLIENTS[profile] }, (_, i) =>
          harness.startTruthClient({
            name: `client ${i}`,
            ports,
            rooms: [{ group: 'lobby' }, FEED],
            hasSlowStore: i % 2 === 1,
          }),
        ),
      )
      const untilMs = performance.now() + DURATION_MS[profile]
      await Promise.all(clients.map((client) => churnClient(client, untilMs)))
      await delay(100)
    },
    { perSecond: 20 },
  )
