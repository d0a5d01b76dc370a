import { expect } from 'chai'
import { createClient } from 'redis'
import { nowUs } from '../bench/clock.ts'
import { writesOf } from '../bench/process-usage.ts'
import { groupOf, SubscriberPool } from '../bench/subscriber-pool.ts'
import { postRecalls } from '../bench/webhook-load.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { COUNTING, workOf } from '../support/gateway-work.ts'
import { redisCallsOf } from '../support/redis-calls.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const FIRST_SEQ = 1_000_000
/** So slow that each notice is sent by itself. */
const UNBATCHED_PER_S = 20
/** A quarter more than measured. */
const MAX_HEAP_BYTES = 9_400
/** The same, of a room with one socket. */
const MAX_ROOM_BYTES = 1_800

/**
 * Guards against a large loss of performance with counts, which are the same on any machine, however busy. Each limit
 * allows for chance, but not for a less efficient way of doing the work.
 */
describe('the work that a gateway does', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer
  let gateway: GatewayProcess
  let next = FIRST_SEQ

  async function start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    redis = await startRedis()
    onCleanUp(redis.stop)
    gateway = await startGatewayProcess({
      REDIS_URL: redis.url,
      MAX_SOCKETS_PER_ADDRESS: '10000',
      // Pings are none of this, however long it takes.
      HEARTBEAT_S: '40',
      ...COUNTING,
      ...settings,
    })
    onCleanUp(gateway.stop)
  }

  /** Connects sockets, each with its own token. */
  async function subscribe(sockets: number, rooms: number): Promise<SubscriberPool> {
    const tokens = await Promise.all(
      Array.from({ length: sockets }, (_, i) =>
        makeToken({ sub: `user-${i}`, rooms: [{ group: groupOf(i % rooms) }] }),
      ),
    )
    const pool = new SubscriberPool({ ports: [gateway.port], sockets, rooms, tokens })
    onCleanUp(() => pool.drop())
    await pool.connect()
    return pool
  }

  /** Posts recalls, at a steady rate or as fast as possible. Resolves once all have arrived, each once and in order. */
  async function deliver(
    pool: SubscriberPool,
    { recalls, rooms, perSecond = 0 }: { recalls: number; rooms: number; perSecond?: number },
  ): Promise<void> {
    const everyUs = perSecond === 0 ? 0 : 1e6 / perSecond
    const schedule = { first: next, recalls, startUs: nowUs(), everyUs }
    next += recalls
    pool.expect(schedule)
    const { refused } = await postRecalls({ ...schedule, port: gateway.port, rooms, connections: 32 })
    expect(refused, 'refused').to.equal(0)
    await waitUntil(
      'all recalls have arrived',
      () => pool.report().delivered >= pool.report().expected,
      30_000,
    )
    const { expected, delivered, duplicated, misrouted, outOfOrder, closed } = pool.report()
    expect({ delivered, duplicated, misrouted, outOfOrder, closed }).to.deep.equal({
      delivered: expected,
      duplicated: 0,
      misrouted: 0,
      outOfOrder: 0,
      closed: 0,
    })
  }

  const writes = (): number => writesOf(gateway.pid)

  async function sendToRedis(...command: string[]): Promise<unknown> {
    const client = createClient({ url: redis.url })
    await client.connect()
    try {
      return await client.sendCommand(command)
    } finally {
      client.destroy()
    }
  }

  const redisCalls = (): Promise<ReadonlyMap<string, number>> => redisCallsOf(redis.url)

  it('is one write per delivery of a notice that is not batched', async () => {
    await start()
    const pool = await subscribe(500, 1)
    const before = writes()
    await deliver(pool, { recalls: 20, rooms: 1, perSecond: UNBATCHED_PER_S })
    // 10,042 writes for 10,000 deliveries when this limit was set; on a slow machine, two pings of each socket fall in between.
    expect(writes() - before).to.be.below(1.5 * 20 * 500)
  })

  it('is few writes for a burst', async () => {
    await start()
    const pool = await subscribe(500, 1)
    const before = writes()
    await deliver(pool, { recalls: 1_000, rooms: 1 })
    // 0.009 to 0.011 writes per delivery when this limit was set, including the responses to the webhooks.
    expect((writes() - before) / (1_000 * 500)).to.be.below(0.2)
  })

  it('is as many encodings for many sockets as for few', async () => {
    await start()
    const encodingsWith = async (sockets: number): Promise<number> => {
      const pool = await subscribe(sockets, 1)
      const before = await workOf(gateway)
      await deliver(pool, { recalls: 20, rooms: 1, perSecond: UNBATCHED_PER_S })
      return ((await workOf(gateway)).encodings - before.encodings) / 20
    }
    const few = await encodingsWith(10)
    const many = await encodingsWith(400)
    // 4 per recall in both cases when this limit was set: the log entries, the notice, and the response to the webhook.
    expect(few, 'for 10 sockets').to.be.below(8)
    expect(many, 'for 400 sockets').to.be.below(8)
  })

  it('is few Redis calls for many recalls, with few commands in them', async () => {
    await start()
    const pool = await subscribe(10, 10)
    await deliver(pool, { recalls: 200, rooms: 10 })
    const before = await redisCalls()
    await deliver(pool, { recalls: 2_000, rooms: 10 })
    const after = await redisCalls()
    const perRecall = (name: string): number => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / 2_000
    // 0.07 with 32 concurrent webhooks when this limit was set.
    expect(perRecall('evalsha') + perRecall('eval'), 'calls').to.be.below(0.5)
    // 8.4 when this limit was set: 7 for the recalled set and two logs; recalls in one call share the rest.
    expect(
      [...after.keys()].reduce((sum, name) => sum + perRecall(name), 0),
      'commands',
    ).to.be.below(11)
  })

  it('is one Redis subscription per room, however many sockets it has', async () => {
    await start()
    const before = await redisCalls()
    await subscribe(400, 20)
    const after = await redisCalls()
    // One or several calls, but never one per socket.
    expect((after.get('ssubscribe') ?? 0) - (before.get('ssubscribe') ?? 0)).to.be.within(1, 20)
    // Probes, answers, questions to the doctor, about the settings and about who is connected, and the two subjects of announcements
    // have channels even without rooms.
    expect(await sendToRedis('PUBSUB', 'SHARDCHANNELS')).to.have.length(20 + 7)
  })

  it('is three writes for a socket that comes in', async () => {
    // Pings are writes too.
    await start({ HEARTBEAT_S: '40' })
    // The first sockets open the room. The tokens of those that follow are known.
    await subscribe(1_000, 1)
    const before = writes()
    await subscribe(1_000, 1)
    // 3.3 when this limit was set: the response with the first packet of Engine.IO, that the socket is connected with `hello`,
    // and the acknowledgement.
    expect((writes() - before) / 1_000).to.be.below(3.8)
  })

  it('is few promises, ticks and timers for a socket that comes in', async () => {
    await start({ COUNT_STEPS: '1' })
    await subscribe(500, 1)
    const before = await workOf(gateway)
    await subscribe(500, 1)
    const after = await workOf(gateway)
    const perSocket = (type: string): number =>
      ((after.steps?.resources[type] ?? 0) - (before.steps?.resources[type] ?? 0)) / 500
    // 40 promises, 12 ticks and 2 timers when these limits were set; the timers are those of Engine.IO and Socket.IO.
    expect(perSocket('PROMISE'), 'promises').to.be.below(44)
    expect(perSocket('TickObject'), 'ticks').to.be.below(14)
    expect(perSocket('Timeout'), 'timers').to.be.below(2.5)
    expect(after.steps?.resources, 'tokens verified in other threads').not.to.have.property('SIGNREQUEST')
  })

  it('is little memory per socket', async () => {
    await start()
    // The first sockets allocate what the others reuse.
    await subscribe(200, 50)
    const before = await workOf(gateway)
    await subscribe(2_000, 50)
    const after = await workOf(gateway)
    // 7,500 bytes on Node 20 when this limit was set; 11,400 without `idle-internals.ts`.
    expect((after.heapBytes - before.heapBytes) / 2_000).to.be.below(MAX_HEAP_BYTES)
  })

  it('is little memory per room', async () => {
    await start()
    const tokens = [await adminToken()]
    const open = async (sockets: number): Promise<void> => {
      const plan = { sockets, rooms: 1_000 * sockets, roomsPerSocket: 1_000, tokens }
      const pool = new SubscriberPool({ ...plan, ports: [gateway.port] })
      onCleanUp(() => pool.drop())
      await pool.connect()
    }
    await open(1)
    const before = await workOf(gateway)
    await open(3)
    const after = await workOf(gateway)
    // 2,000 of them are new.
    expect((after.heapBytes - before.heapBytes) / 2_000).to.be.below(MAX_ROOM_BYTES)
  })
})
