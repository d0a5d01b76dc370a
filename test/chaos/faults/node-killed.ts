import { setTimeout as delay } from 'node:timers/promises'
import type { GatewayProcess } from '../../support/gateway-process.ts'
import { until } from '../../support/wait.ts'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const TIMES = { short: 2, long: 10 } as const
const BETWEEN_MS = 500

/** Nodes are killed in turn and started again; their sockets go on elsewhere. */
export const nodeKilled = (size: Size): Promise<Row> =>
  playUnderLoad('node killed', size, async ({ redis, nodes, listeners }, stage) => {
    const alive: GatewayProcess[] = [...nodes]
    for (let time = 0; time < TIMES[size]; time++) {
      const victim = alive.shift()
      if (victim === undefined) return
      victim.signal('SIGKILL')
      await victim.exited
      await delay(BETWEEN_MS)
      const PORT = String(victim.port)
      alive.push(await stage.startGateway({ ROLE: 'node', REDIS_URL: redis.url, PORT }))
      await until('all sockets are back', () => listeners.every((listener) => listener.isListening()), 15_000)
    }
  })
