import { connect, adminToken } from '../../support/client.ts'
import { until } from '../../support/wait.ts'
import { connectOperator } from '../redis-admin.ts'
import { conclude, assemble, play } from '../scenario.ts'
import { readMetric } from '../../support/read-metric.ts'
import type { Row, Size } from '../fault.ts'
import type { Stage } from '../harness.ts'

const ROUNDS = { short: 1_000, long: 10_000 } as const
/** So many that none asks more often than a socket may without waiting. */
const CHURNERS = { short: 10, long: 40 } as const
/** Rooms that nobody else is in; together the churners come through all of them. */
const ROOMS = 50
/** Rooms linger for 5 s. */
const LEAVE_TIMEOUT_MS = 15_000

/** Sockets go in and out of rooms without rest; afterwards nothing of it is left, in Redis or at the nodes. */
export const roomsChurned = (size: Size): Promise<Row> =>
  play('rooms entered and left', async (stage) => {
    const { redis, nodes, listeners, sender } = await assemble(stage, size, { listenersPerRoom: 4 })
    const flow = sender.start(20)
    const churning = Array.from({ length: CHURNERS[size] }, (_, i) =>
      churn(stage, nodes[i % nodes.length]?.url ?? '', i, ROUNDS[size] / CHURNERS[size]),
    )
    try {
      await Promise.all(churning)
    } finally {
      await flow.stop()
    }
    await conclude(stage, sender)

    for (const listener of listeners) listener.close()
    const { shardChannels } = await connectOperator(stage, redis.url)
    const left = async () =>
      (await shardChannels()).filter((channel) => !/:probe:|:announcements:/.test(channel))
    await until('all channels are left', async () => (await left()).length === 0, LEAVE_TIMEOUT_MS).catch(
      async () => stage.complain(`still subscribed to ${(await left()).join(', ')}`),
    )
    for (const { url } of nodes) {
      for (const gauge of ['rooms', 'sockets']) {
        const count = await readMetric(url, gauge)
        if (count > 0) stage.complain(`a node still has ${count} ${gauge}`)
      }
    }
  })

/** One socket enters and leaves rooms, among them some in which recalls flow. */
async function churn(stage: Stage, url: string, seed: number, rounds: number): Promise<void> {
  const { socket, received, ask, close } = await connect(url, await adminToken())
  for (let round = 0; round < rounds; round++) {
    const number = (seed * rounds + round) % ROOMS
    const room = { group: number % 5 === 0 ? 'lobby' : `churn-${number}` }
    const entered = await ask(room)
    const left = await ask(room, 'unsubscribe')
    for (const answer of [entered, left])
      if (!answer.ok) return stage.complain(`a request was refused: ${answer.code}`)
    const before = received.length
    if (round % 2 === 0) await ask({ group: 'nobody', seqs: [1] }, 'recalled')
    if (received.length > before) stage.complain(`notices of a room after it was left`)
  }
  if (socket.connected) close()
  else stage.complain('a socket was closed')
}
