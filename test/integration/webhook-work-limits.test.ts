import { expect } from 'chai'
import { nowUs } from '../bench/clock.ts'
import { postRecalls } from '../bench/webhook-load.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { CountedGateway, each } from '../support/counted-gateway.ts'
import type { StepsBetween } from '../support/counted-gateway.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'

const FIRST_SEQ = 1_000_000
const WEBHOOKS = 2_000
const CONNECTIONS = 32
const ROOMS = 100

/** Guards against a large loss of webhooks per second with counts, which are the same on any machine, however busy. */
describe('the work that a webhook is', () => {
  const onCleanUp = cleanUpAfterEach()
  let next = FIRST_SEQ

  async function start(redis?: RedisServer): Promise<CountedGateway> {
    const gateway = await CountedGateway.start(redis)
    onCleanUp(gateway.process.stop)
    return gateway
  }

  async function post({ process: { port } }: CountedGateway): Promise<void> {
    const plan = { first: next, recalls: WEBHOOKS, startUs: nowUs(), everyUs: 0 }
    next += WEBHOOKS
    const { refused } = await postRecalls({ ...plan, port, rooms: ROOMS, connections: CONNECTIONS })
    expect(refused, 'refused').to.equal(0)
  }

  /** Posts webhooks on connections that are kept, one after the other on each. Returns what each has cost. */
  async function costOf(gateway: CountedGateway): Promise<StepsBetween> {
    await post(gateway)
    const counted = await gateway.count()
    await post(gateway)
    return each(await counted(), WEBHOOKS)
  }

  it('is few steps with Redis', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const cost = await costOf(await start(redis))
    // When these limits were set: 1.21; 3, those of the message, of the rest of the entry, and of the copy; 31; 6.2; 3.3.
    // More if fewer of them come together, as from a busy machine.
    expect(cost.writes, 'writes').to.be.below(2)
    expect(cost.encodings, 'encodings').to.be.below(3.5)
    expect(cost.promises, 'promises').to.be.below(38)
    expect(cost.ticks, 'ticks').to.be.below(7.5)
    expect(cost.timers, 'timers').to.be.below(4)
    // The copy is put behind others to be written together: 419.
    expect(cost.copiedBytes, 'copied bytes').to.be.below(550)
    // The body, and the copy: 697.
    expect(cost.convertedBytes, 'converted bytes').to.be.below(850)
  })

  it('is few steps with the embedded broker', async () => {
    const cost = await costOf(await start())
    // When these limits were set: 6, two of the entry, and those of its two heads and of the recalled set; 19.5; 6.1; 3.1.
    expect(cost.encodings, 'encodings').to.be.below(6.5)
    expect(cost.promises, 'promises').to.be.below(25)
    expect(cost.ticks, 'ticks').to.be.below(7.5)
    expect(cost.timers, 'timers').to.be.below(4)
    // A recall reads no head, which lmdb would copy, and decode: 0.7, and 210 of the body.
    expect(cost.copiedBytes, 'copied bytes').to.be.below(100)
    expect(cost.convertedBytes, 'converted bytes').to.be.below(300)
  })
})
