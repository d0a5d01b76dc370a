import { expect } from 'chai'
import { createClient } from 'redis'
import { Audience, groupOf } from '../bench/subscriber-pool.ts'
import { nowUs } from '../bench/clock.ts'
import { post } from '../bench/webhook-load.ts'
import { writesOf } from '../bench/process-usage.ts'
import { makeToken } from '../support/client.ts'
import type { Work } from '../support/count-work.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

const COUNT_WORK = new URL('../support/count-work.js', import.meta.url).href
const FIRST_SEQ = 1_000_000
/** Longer than notices are gathered: each leaves by itself. */
const APART_PER_S = 20
/** A quarter more than it takes. */
const MAX_HEAP_BYTES = 14_300

/**
 * Guards against a large loss of speed with counts, which are the same on any machine, however busy: each limit leaves
 * room for chance, and none for another way of doing the work.
 */
describe('the work of a gateway', function () {
  this.timeout(60_000)
  const undo = undoAfterEach()
  let redis: RedisServer
  let gateway: GatewayProcess
  let next = FIRST_SEQ

  async function start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    redis = await startRedis()
    undo(redis.stop)
    gateway = await startGatewayProcess({
      REDIS_URL: redis.url,
      MAX_SOCKETS_PER_ADDRESS: '10000',
      NODE_OPTIONS: `--import=${COUNT_WORK}`,
      ...settings,
    })
    undo(gateway.stop)
  }

  /** Each with a token of its own. */
  async function gather(sockets: number, rooms: number): Promise<Audience> {
    const tokens = await Promise.all(
      Array.from({ length: sockets }, (_, i) =>
        makeToken({ sub: `user-${i}`, rooms: [{ group: groupOf(i % rooms) }] }),
      ),
    )
    const audience = new Audience({ ports: [gateway.port], sockets, rooms, tokens })
    undo(() => audience.drop())
    await audience.connect()
    return audience
  }

  /** Posts recalls, steadily or as fast as they are taken, and resolves once all have arrived, each once and in order. */
  async function tell(
    audience: Audience,
    { recalls, rooms, perSecond = 0 }: { recalls: number; rooms: number; perSecond?: number },
  ): Promise<void> {
    const everyUs = perSecond === 0 ? 0 : 1e6 / perSecond
    const schedule = { first: next, recalls, startUs: nowUs(), everyUs }
    next += recalls
    audience.expect(schedule)
    const { refused } = await post({ ...schedule, port: gateway.port, rooms, connections: 32 })
    expect(refused, 'refused').to.equal(0)
    await until('all has arrived', () => audience.report().delivered >= audience.report().expected, 30_000)
    const { expected, delivered, duplicated, misrouted, outOfOrder, closed } = audience.report()
    expect({ delivered, duplicated, misrouted, outOfOrder, closed }).to.deep.equal({
      delivered: expected,
      duplicated: 0,
      misrouted: 0,
      outOfOrder: 0,
      closed: 0,
    })
  }

  async function work(): Promise<Work> {
    const seen = gateway.output().length
    gateway.signal('SIGUSR2')
    const line = await until(
      'the gateway tells of its work',
      () => /\{"work":.*\}\n/.exec(gateway.output().slice(seen))?.[0],
    )
    return (JSON.parse(line) as { work: Work }).work
  }

  const writes = (): number => writesOf(gateway.pid)

  async function askRedis(...words: string[]): Promise<unknown> {
    const client = createClient({ url: redis.url })
    await client.connect()
    try {
      return await client.sendCommand(words)
    } finally {
      client.destroy()
    }
  }

  /** Calls of each command of Redis so far, those in scripts too. */
  async function redisCalls(): Promise<Map<string, number>> {
    const lines = String(await askRedis('INFO', 'commandstats')).matchAll(/^cmdstat_([\w|-]+):calls=(\d+)/gm)
    return new Map([...lines].map(([, name = '', calls]) => [name, Number(calls)]))
  }

  it('is one write for each delivery of notices that come apart', async () => {
    await start()
    const audience = await gather(500, 1)
    const before = writes()
    await tell(audience, { recalls: 20, rooms: 1, perSecond: APART_PER_S })
    // 10,042 writes for 10,000 deliveries when this was set.
    expect(writes() - before).to.be.below(1.05 * 20 * 500)
  })

  it('is few writes for a storm', async () => {
    // So that a slow machine does not make more frames of the same recalls.
    await start({ BATCH_WINDOW_MS: '1000' })
    const audience = await gather(500, 1)
    const before = writes()
    await tell(audience, { recalls: 1_000, rooms: 1 })
    // 0.004 writes for each delivery when this was set, those of the answers to the webhooks among them.
    expect((writes() - before) / (1_000 * 500)).to.be.below(0.03)
  })

  it('is as many encodings for many sockets as for few', async () => {
    await start()
    const encodingsWith = async (sockets: number): Promise<number> => {
      const audience = await gather(sockets, 1)
      const before = await work()
      await tell(audience, { recalls: 20, rooms: 1, perSecond: APART_PER_S })
      return ((await work()).encodings - before.encodings) / 20
    }
    const few = await encodingsWith(10)
    const many = await encodingsWith(400)
    // 4 for each recall, with either, when this was set: what is kept, the notice, and the answer to the webhook.
    expect(few, 'for 10 sockets').to.be.below(8)
    expect(many, 'for 400 sockets').to.be.below(8)
  })

  it('is few calls of Redis for many recalls, and few commands in them', async () => {
    await start()
    const audience = await gather(10, 10)
    await tell(audience, { recalls: 200, rooms: 10 })
    const before = await redisCalls()
    await tell(audience, { recalls: 2_000, rooms: 10 })
    const after = await redisCalls()
    const perRecall = (name: string): number => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / 2_000
    // 0.07 with 32 webhooks at a time when this was set.
    expect(perRecall('evalsha') + perRecall('eval'), 'calls').to.be.below(0.5)
    // 8.4 when this was set, for the recalled set and two logs: they are 7, and the rest is shared by those in one call.
    expect(
      [...after.keys()].reduce((sum, name) => sum + perRecall(name), 0),
      'commands',
    ).to.be.below(11)
  })

  it('is one subscription in Redis for each room, however many listen', async () => {
    await start()
    const before = await redisCalls()
    await gather(400, 20)
    const after = await redisCalls()
    // One call or several, but never one for each socket.
    expect((after.get('ssubscribe') ?? 0) - (before.get('ssubscribe') ?? 0)).to.be.within(1, 20)
    // Those for probes and for two subjects of announcements are there without rooms.
    expect(await askRedis('PUBSUB', 'SHARDCHANNELS')).to.have.length(20 + 3)
  })

  it('is little memory for each socket', async () => {
    await start()
    // The first ones make room for the others too.
    await gather(200, 50)
    const before = await work()
    await gather(2_000, 50)
    const after = await work()
    // 11,400 on Node 20 and 24 when this was set.
    expect((after.heapBytes - before.heapBytes) / 2_000).to.be.below(MAX_HEAP_BYTES)
  })
})
