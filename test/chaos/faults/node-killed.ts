import { setTimeout as delay } from 'node:timers/promises'
import type { GatewayProcess } from '../../support/gateway-process.ts'
import { waitUntil } from '../../support/wait.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runUnderLoad } from '../scenario.ts'

const TIMES = { short: 2, long: 10 } as const
const DOWN_MS = 500

/** Kills the nodes in turn and restarts them. Their sockets resume at the other ones. */
export const nodeKilled = (profile: Profile): Promise<FaultResult> =>
  runUnderLoad('node killed', profile, async ({ redis, nodes, listeners }, harness) => {
    const alive: GatewayProcess[] = [...nodes]
    for (let time = 0; time < TIMES[profile]; time++) {
      const victim = alive.shift()
      if (victim === undefined) return
      victim.signal('SIGKILL')
      await victim.exited
      await delay(DOWN_MS)
      const PORT = String(victim.port)
      alive.push(await harness.startGateway({ ROLE: 'node', REDIS_URL: redis.url, PORT }))
      const areSubscribed = () => listeners.every((listener) => listener.isSubscribed())
      await waitUntil('all listeners have reconnected', areSubscribed)
    }
  })
