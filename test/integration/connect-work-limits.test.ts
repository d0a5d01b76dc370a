import { expect } from 'chai'
import type { SubscriberPlan } from '../bench/subscriber-pool.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { CountedGateway } from '../support/counted-gateway.ts'
import type { StepsBetween } from '../support/counted-gateway.ts'
import { startRedis } from '../support/redis-server.ts'

/** Of a look at what the user may do at Redis, 25 at most. */
const CALLS_OF_TRIAL = 25

/** Guards, with counts, what it costs to come in: the same on any machine, however busy. */
describe('the work for sockets that come in', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: CountedGateway

  beforeEach(async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    // Pings are none of this, however long it takes.
    gateway = await CountedGateway.start(redis, { HEARTBEAT_S: '40' })
    onCleanUp(gateway.process.stop)
    // Whatever is made once.
    await connect({ sockets: 20, rooms: 20 })
  })

  /** Returns the steps that the sockets took, all together. */
  async function connect(plan: Omit<SubscriberPlan, 'ports' | 'tokens'>): Promise<StepsBetween> {
    const counted = await gateway.count()
    const pool = await gateway.connect(plan)
    onCleanUp(() => pool.drop())
    return counted()
  }

  it('is few steps for each, and no call of Redis for rooms that the node follows', async () => {
    const sockets = 300
    const steps = await connect({ sockets, rooms: 20 })
    expect(steps.ssubscribes - steps.trials, 'subscriptions at Redis').to.be.within(-1, 1)
    // Heartbeats take 3 a second.
    expect(steps.redisCalls, 'calls of Redis').to.be.below(
      4 * (steps.probes + 2) + CALLS_OF_TRIAL * steps.trials,
    )
    // 3.3, 4, 49, 12, 3, 12, 395, 44 and 0 for each when these limits were set.
    expect(steps.writes / sockets, 'writes').to.be.below(4)
    expect(steps.encodings / sockets, 'encodings').to.be.below(5)
    expect(steps.promises / sockets, 'promises').to.be.below(62)
    expect(steps.ticks / sockets, 'ticks').to.be.below(14)
    expect(steps.timers / sockets, 'timers').to.be.below(4)
    // Reports are part of it, more of them on a busy machine.
    expect(steps.copiedBytes / sockets, 'copied bytes').to.be.below(60)
    expect(steps.convertedBytes / sockets, 'converted bytes').to.be.below(700)
    expect(steps.listeners / sockets, 'listeners').to.be.below(55)
    expect(steps.lists / sockets, 'writes of several pieces').to.be.below(0.1)
  })

  it('is a write less for those that subscribe with their handshakes', async () => {
    const sockets = 300
    // When many come together, some of their requests wait for their turn, and are answered later.
    const steps = await connect({ sockets, rooms: 20, atOnce: true, maxConcurrent: 1 })
    // 2.03 when this limit was set, and 3.03 for others: the response with the first packet of Engine.IO, and everything else.
    expect(steps.writes / sockets, 'writes').to.be.below(2.4)
  })

  it('is few calls of Redis for rooms that open together', async () => {
    const few = await connect({ sockets: 1, rooms: 100, roomsPerSocket: 100 })
    // 80 of them are new. 5 subscriptions and 6 reads of heads when this limit was set.
    expect(few.redisCalls, 'calls of Redis for 80 rooms').to.be.below(20 + CALLS_OF_TRIAL * few.trials)
    const rooms = 1_000
    const many = await connect({ sockets: 1, rooms, roomsPerSocket: rooms })
    // 0.07 to 0.11, 1.1, 45, 1.2, 0.3 and 136 for each when these limits were set.
    expect(many.redisCalls / rooms, 'calls of Redis').to.be.below(0.16)
    expect(many.writes / rooms, 'writes').to.be.below(1.4)
    expect(many.promises / rooms, 'promises').to.be.below(60)
    expect(many.ticks / rooms, 'ticks').to.be.below(3)
    expect(many.timers / rooms, 'timers').to.be.below(1)
    expect(many.convertedBytes / rooms, 'converted bytes').to.be.below(200)
  })
})
