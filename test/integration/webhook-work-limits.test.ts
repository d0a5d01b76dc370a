import { expect } from 'chai'
import { nowUs } from '../bench/clock.ts'
import { writesOf } from '../bench/process-usage.ts'
import { postRecalls } from '../bench/webhook-load.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import type { Work } from '../support/count-work.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { COUNTING, workOf } from '../support/gateway-work.ts'
import { startRedis } from '../support/redis-server.ts'

const FIRST_SEQ = 1_000_000
const WEBHOOKS = 2_000
const CONNECTIONS = 32
const ROOMS = 100

/** Guards against a large loss of webhooks per second with counts, which are the same on any machine, however busy. */
describe('the work that a webhook is', function () {
  this.timeout(60_000)
  const onCleanUp = cleanUpAfterEach()
  let next = FIRST_SEQ

  async function start(settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess({ ...COUNTING, COUNT_STEPS: '1', ...settings })
    onCleanUp(gateway.stop)
    return gateway
  }

  async function post({ port }: GatewayProcess): Promise<void> {
    const plan = { first: next, recalls: WEBHOOKS, startUs: nowUs(), everyUs: 0 }
    next += WEBHOOKS
    expect(await postRecalls({ ...plan, port, rooms: ROOMS, connections: CONNECTIONS })).to.have.property(
      'refused',
      0,
    )
  }

  /** Posts webhooks on connections that are kept, one after the other on each. Returns what each has cost. */
  async function costOf(gateway: GatewayProcess) {
    await post(gateway)
    const before = { ...(await workOf(gateway)), writes: writesOf(gateway.pid) }
    await post(gateway)
    const writes = writesOf(gateway.pid) - before.writes
    const after = await workOf(gateway)
    const each = (pick: (work: Work) => number | undefined): number =>
      ((pick(after) ?? 0) - (pick(before) ?? 0)) / WEBHOOKS
    const asked = (type: string): number => each(({ steps }) => steps?.resources[type])
    return {
      writes: writes / WEBHOOKS,
      encodings: each(({ encodings }) => encodings),
      promises: asked('PROMISE'),
      ticks: asked('TickObject'),
      timers: asked('Timeout') + asked('Immediate'),
      copiedBytes: each(({ steps }) => steps?.copiedBytes),
      convertedBytes: each(({ steps }) => steps?.convertedBytes),
    }
  }

  it('is few steps with Redis', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const cost = await costOf(await start({ REDIS_URL: redis.url }))
    // When these limits were set: 1.21; 3, those of the message, of the rest of the entry, and of the copy; 31; 6.2; 3.3.
    expect(cost.writes, 'writes').to.be.below(1.5)
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
    expect(cost.copiedBytes, 'copied bytes').to.be.below(40)
    expect(cost.convertedBytes, 'converted bytes').to.be.below(300)
  })
})
