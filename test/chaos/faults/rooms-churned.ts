import { adminToken, connect } from '../../support/client.ts'
import { readMetric } from '../../support/read-metric.ts'
import { waitUntil } from '../../support/wait.ts'
import type { FaultResult, Profile } from '../fault.ts'
import type { Harness } from '../harness.ts'
import { connectRedisAdmin } from '../redis-admin.ts'
import { runScenario, sendFinalRecalls, startDeployment } from '../scenario.ts'

const ROUNDS = { short: 1_000, long: 10_000 } as const
/** Enough that no socket exceeds its request rate. */
const CHURNING_SOCKETS = { short: 10, long: 40 } as const
/** Rooms without other listeners. The churning sockets visit all of them. */
const ROOMS = 50
/** Rooms linger for 5 s. */
const UNSUBSCRIBE_TIMEOUT_MS = 15_000

/** Sockets subscribe and unsubscribe incessantly. Afterwards nothing remains in Redis or on the nodes. */
export const roomsChurned = (profile: Profile): Promise<FaultResult> =>
  runScenario('rooms joined and left', async (harness) => {
    const deployment = await startDeployment(harness, profile, { listenersPerRoom: 4 })
    const { redis, nodes, listeners, sender } = deployment
    const load = sender.start(20)
    const sockets = CHURNING_SOCKETS[profile]
    const churning = Array.from({ length: sockets }, (_, i) =>
      churn(harness, nodes[i % nodes.length]?.url ?? '', i, ROUNDS[profile] / sockets),
    )
    try {
      await Promise.all(churning)
    } finally {
      await load.stop()
    }
    await sendFinalRecalls(harness, sender)

    for (const listener of listeners) listener.close()
    for (const { stop } of deployment.clients) await stop()
    const { shardChannels } = await connectRedisAdmin(harness, redis.url)
    const roomChannels = async () =>
      (await shardChannels()).filter(
        (channel) => !/:probe:|:announcements:|:questions:|:answers:/.test(channel),
      )
    const noneIsLeft = async () => (await roomChannels()).length === 0
    await waitUntil('no room channel is subscribed', noneIsLeft, UNSUBSCRIBE_TIMEOUT_MS).catch(async () =>
      harness.reportViolation(`still subscribed to ${(await roomChannels()).join(', ')}`),
    )
    for (const { url } of nodes) {
      for (const gauge of ['rooms', 'sockets']) {
        const count = await readMetric(url, gauge)
        if (count > 0) harness.reportViolation(`a node still has ${count} ${gauge}`)
      }
    }
  })

/** One socket joins and leaves rooms, some of which receive recalls. */
async function churn(harness: Harness, url: string, seed: number, rounds: number): Promise<void> {
  const { socket, received, request, close } = await connect(url, await adminToken())
  for (let round = 0; round < rounds; round++) {
    const number = (seed * rounds + round) % ROOMS
    const room = { group: number % 5 === 0 ? 'lobby' : `churn-${number}` }
    const ask = async (event?: 'unsubscribe') => {
      let answer = await request(room, event)
      // A busy Redis refuses for now; a client asks again.
      for (let i = 0; i < 20 && !answer.ok && answer.retry; i++) answer = await request(room, event)
      return answer
    }
    const subscribed = await ask()
    const unsubscribed = await ask('unsubscribe')
    for (const response of [subscribed, unsubscribed])
      if (!response.ok) return harness.reportViolation(`a request was refused: ${response.code}`)
    const before = received.length
    if (round % 2 === 0) await request({ group: 'nobody', seqs: [1] }, 'recalled')
    if (received.length > before) harness.reportViolation('notices of a room after it was left')
  }
  if (socket.connected) close()
  else harness.reportViolation('a socket was closed')
}
