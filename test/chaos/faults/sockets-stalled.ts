import { MAX_HEARTBEAT_S } from '../../../shared/limits.ts'
import { readMetric } from '../../support/read-metric.ts'
import { waitUntil } from '../../support/wait.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runScenario, sendFinalRecalls, startDeployment } from '../scenario.ts'

const SOCKETS = { short: 45, long: 1_125 } as const
/** Two groups, and the feed with a quarter as many listeners. */
const LISTENER_SHARES = 2.25
/** One in this many listeners keeps reading. */
const LISTENERS_PER_READER = 9
/** The network buffers more for a socket than a node may, so megabytes are needed. */
const MESSAGES_PER_RECALL = 300
/** On a slow machine they would otherwise be disconnected for leaving pings unanswered, before their buffers are full. */
const NODE = { HEARTBEAT_S: String(MAX_HEARTBEAT_S) }
const DISCONNECT_TIMEOUT_MS = 60_000
/** All sockets of a room share one copy of a buffered notice, so a thousand cost little more than ten. */
const MAX_MEMORY_GROWTH_BYTES = 256 * 1024 * 1024

/** A large number of sockets stop reading and stay connected while recalls are sent. Later they read again. */
export const socketsStalled = (profile: Profile): Promise<FaultResult> =>
  runScenario('sockets stop reading', async (harness) => {
    const listenersPerRoom = Math.ceil(SOCKETS[profile] / LISTENER_SHARES)
    const { listeners, sender, nodes } = await startDeployment(harness, profile, {
      listenersPerRoom,
      node: NODE,
    })
    const sum = async (metric: string): Promise<number> => {
      const values = await Promise.all(nodes.map(({ url }) => readMetric(url, metric)))
      return values.reduce((total, value) => total + value, 0)
    }
    const beforeBytes = await sum('resident_memory_bytes')
    const stalled = listeners.filter((_, i) => i % LISTENERS_PER_READER !== 0)
    for (const listener of stalled) listener.stall()
    let maxBytes = 0
    await waitUntil(
      'the stalled sockets are disconnected',
      async () => {
        for (const group of sender.groups) await sender.send(group, MESSAGES_PER_RECALL)
        maxBytes = Math.max(maxBytes, await sum('resident_memory_bytes'))
        return (await sum('sockets_too_slow_total')) >= stalled.length
      },
      DISCONNECT_TIMEOUT_MS,
    )
    if (maxBytes - beforeBytes > MAX_MEMORY_GROWTH_BYTES)
      harness.reportViolation(`the nodes grew by ${Math.round((maxBytes - beforeBytes) / 1024 / 1024)} MiB`)
    for (const listener of stalled) listener.resumeReading()
    await sendFinalRecalls(harness, sender)
  })
