import { expect } from 'chai'
import { nowUs } from '../bench/clock.ts'
import { postRecalls } from '../bench/webhook-load.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { CountedGateway, each } from '../support/counted-gateway.ts'
import type { StepsBetween } from '../support/counted-gateway.ts'
import { redisCallsOf } from '../support/redis-calls.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

/** A node sends one each second, so they tell how long nothing happened, however busy the machine is. */
const PROBES = 5

/**
 * Guards, with counts, that a node does nothing on a clock for each of its sockets and rooms, and nothing for others' recalls.
 */
describe('the work of a node to which nothing happens', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer

  beforeEach(async () => {
    redis = await startRedis()
    onCleanUp(redis.stop)
  })

  async function start(settings: Readonly<Record<string, string>> = {}): Promise<CountedGateway> {
    const gateway = await CountedGateway.start(redis, settings)
    onCleanUp(gateway.process.stop)
    return gateway
  }

  const probes = async (): Promise<number> => (await redisCallsOf(redis.url)).get('spublish') ?? 0

  async function waitForProbes(times: number): Promise<void> {
    const before = await probes()
    await waitUntil('probes are sent', async () => (await probes()) >= before + times, 30_000)
  }

  /** Returns what the node does for each probe of an idle while. */
  async function idle(gateway: CountedGateway): Promise<StepsBetween> {
    // What a connect leaves to be done later.
    await waitForProbes(1)
    const counted = await gateway.count()
    await waitForProbes(PROBES)
    const steps = await counted()
    return each(steps, steps.probes)
  }

  function expectFew(steps: StepsBetween, rooms = 0): void {
    // All logs may be checked once meanwhile, as about every half minute: that is for each probe and room what follows it. The
    // head of a room takes one command, unless its turn has come to be renewed, every half hour.
    const checked = rooms / PROBES
    // For each probe without that when these limits were set: 3 calls, 11 to 24 commands, 8 to 42, 85, and 15.
    expect(steps.redisCalls, 'calls of Redis').to.be.below(6 + checked / 32)
    expect(steps.redisCommands, 'commands of Redis').to.be.below(40 + 1.5 * checked)
    expect(steps.wakeUps, 'wake-ups').to.be.below(70 + checked / 16)
    expect(steps.promises, 'promises').to.be.below(140 + checked / 2)
    expect(steps.timers, 'timers').to.be.below(25 + checked / 16)
  }

  it('is as little with 500 sockets and 1,100 rooms as with none', async () => {
    const gateway = await start({ HEARTBEAT_S: '40' })
    expectFew(await idle(gateway))
    const many = await gateway.connect({ sockets: 1, rooms: 1_000, roomsPerSocket: 1_000 })
    onCleanUp(() => many.drop())
    const sockets = await gateway.connect({ sockets: 500, rooms: 100, firstRoom: 1_000 })
    onCleanUp(() => sockets.drop())
    const steps = await idle(gateway)
    expectFew(steps, 1_100)
    // A ping for each socket at most, and 5 for each probe when this limit was set.
    expect(steps.writes, 'writes').to.be.below(501 / PROBES + 15)
  })

  it('does not grow with the recalls of rooms that are not its own', async () => {
    const [gateway, other] = [await start(), await start({ ROLE: 'receiver' })]
    const pool = await gateway.connect({ sockets: 50, rooms: 50, firstRoom: 500 })
    onCleanUp(() => pool.drop())
    await waitForProbes(1)
    const counted = await gateway.count()
    const load = { first: 1_000_000, recalls: 2_000, startUs: nowUs(), everyUs: 0 }
    const { refused } = await postRecalls({
      ...load,
      port: other.process.port,
      rooms: 100,
      connections: 32,
    })
    expect(refused, 'refused').to.equal(0)
    await waitForProbes(1)
    const { writes, encodings, convertedBytes } = await counted()
    // 24, 4 and 6,600 in 2 s when these limits were set, and nothing of that for the 2,000 recalls. If half of them were in its
    // rooms, 1,019, 1,004 and 316,000.
    expect(writes, 'writes').to.be.below(300)
    expect(encodings, 'encodings').to.be.below(100)
    expect(convertedBytes, 'converted bytes').to.be.below(100_000)
  })
})
