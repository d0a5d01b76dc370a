import { expect } from 'chai'
import { nowUs } from '../bench/clock.ts'
import { postRecalls } from '../bench/webhook-load.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { CountedGateway, each } from '../support/counted-gateway.ts'
import type { StepsBetween } from '../support/counted-gateway.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

const RECALLS = 600

/** For each recall, or each delivery: a quarter more than when they were set. How many share a call depends on the machine. */
const WEBHOOK = { encodings: 4, ticks: 10, timers: 7, copiedBytes: 530, convertedBytes: 900 }
const LIMITS = {
  redis: {
    alone: { ...WEBHOOK, redisCalls: 1.3, writes: 5.5, promises: 85 },
    together: { ...WEBHOOK, redisCalls: 0.5, writes: 2.5, promises: 50 },
  },
  embedded: {
    alone: { ...WEBHOOK, encodings: 7.5, writes: 23, promises: 37, copiedBytes: 400, convertedBytes: 600 },
    together: { ...WEBHOOK, encodings: 7.5, writes: 9, promises: 30, copiedBytes: 400, convertedBytes: 600 },
  },
  socket: {
    writes: 1.05,
    encodings: 0.04,
    promises: 0.5,
    ticks: 0.15,
    timers: 0.1,
    copiedBytes: 5,
    convertedBytes: 6,
  },
} as const

/**
 * Guards, with counts, what a recall costs: the same on any machine, however busy. `npm run bench -- --rows ingest` measures
 * times.
 */
describe('the work for a recall', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: CountedGateway
  let first = 1_000_000

  async function start(broker: 'redis' | 'embedded'): Promise<void> {
    const redis = broker === 'redis' ? await startRedis() : undefined
    if (redis) onCleanUp(redis.stop)
    gateway = await CountedGateway.start(redis, { HEARTBEAT_S: '40' })
    onCleanUp(gateway.process.stop)
  }

  async function post(recalls: number, connections: number, rooms: number, everyUs = 0): Promise<void> {
    const load = { first, recalls, rooms, connections, startUs: nowUs(), everyUs }
    first += recalls
    const { refused } = await postRecalls({ ...load, port: gateway.process.port })
    expect(refused, 'refused').to.equal(0)
  }

  /** Returns the steps of each recall, after some that make whatever is made once. */
  async function ingest(connections: number): Promise<StepsBetween> {
    await post(RECALLS, connections, 100)
    const counted = await gateway.count()
    await post(RECALLS, connections, 100)
    return each(await counted(), RECALLS)
  }

  for (const broker of ['redis', 'embedded'] as const)
    it(`is few steps for its webhook (${broker})`, async () => {
      await start(broker)
      expectFew(await ingest(1), LIMITS[broker].alone)
      expectFew(await ingest(32), LIMITS[broker].together)
    })

  it('is few steps for each socket that is told', async () => {
    await start('redis')
    const [sockets, recalls] = [400, 20]
    const pool = await gateway.connect({ sockets, rooms: 1 })
    onCleanUp(() => pool.drop())
    const counted = await gateway.count()
    const schedule = { first, recalls, startUs: nowUs(), everyUs: 50_000 }
    pool.expect(schedule)
    await post(recalls, 1, 1, schedule.everyUs)
    await waitUntil('all are delivered', () => pool.report().delivered >= sockets * recalls)
    expectFew(each(await counted(), sockets * recalls), LIMITS.socket)
  })
})

function expectFew(steps: StepsBetween, limits: Partial<StepsBetween>): void {
  for (const [name, limit] of Object.entries(limits))
    expect(steps[name as keyof StepsBetween], name).to.be.below(limit)
}
