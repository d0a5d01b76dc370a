import { until } from '../../support/wait.ts'
import { assemble, conclude, play } from '../scenario.ts'
import { readMetric } from '../../support/read-metric.ts'
import type { Row, Size } from '../fault.ts'

const SOCKETS = { short: 45, long: 1_125 } as const
/** Two groups, and the feed with a quarter as many listeners. */
const SHARES = 2.25
/** Of so many listeners one goes on reading. */
const READS_ON = 9
/** What the network holds for a socket is more than what the node may: megabytes are needed. */
const MESSAGES_PER_RECALL = 300
const DISCONNECT_TIMEOUT_MS = 60_000
/** Notices wait once for all sockets of a room, so a thousand cost little more than ten. */
const MAX_MEMORY_GROWTH_BYTES = 256 * 1024 * 1024

/** Very many sockets stop reading and stay connected, while recalls flow; later they read on. */
export const socketsStalled = (size: Size): Promise<Row> =>
  play('sockets stop reading', async (stage) => {
    const listenersPerRoom = Math.ceil(SOCKETS[size] / SHARES)
    const { listeners, sender, nodes } = await assemble(stage, size, { listenersPerRoom })
    const sum = async (metric: string): Promise<number> => {
      const values = await Promise.all(nodes.map(({ url }) => readMetric(url, metric)))
      return values.reduce((total, value) => total + value, 0)
    }
    const before = await sum('resident_memory_bytes')
    const stalled = listeners.filter((_, i) => i % READS_ON !== 0)
    for (const listener of stalled) listener.stall()
    let most = 0
    await until(
      'the sockets are sent away',
      async () => {
        for (const group of sender.groups) await sender.send(group, MESSAGES_PER_RECALL)
        most = Math.max(most, await sum('resident_memory_bytes'))
        return (await sum('sockets_too_slow_total')) >= stalled.length
      },
      DISCONNECT_TIMEOUT_MS,
    )
    if (most - before > MAX_MEMORY_GROWTH_BYTES)
      stage.complain(`the nodes grew by ${Math.round((most - before) / 1024 / 1024)} MiB`)
    for (const listener of stalled) listener.readOn()
    await conclude(stage, sender)
  })
