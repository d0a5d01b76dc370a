import { expect } from 'chai'
import { createClient } from 'redis'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { COUNTING, workOf } from '../support/gateway-work.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

const SOCKETS = 5
const ROOMS_PER_SOCKET = 1_000
const ROOMS = SOCKETS * ROOMS_PER_SOCKET
/** A socket may have 100 requests in flight. */
const AT_ONCE = 50
/** A quarter more than the 1,310 measured. */
const MAX_HEAP_BYTES_PER_ROOM = 1_640
/** Calls that are made meanwhile whatever the rooms do: heartbeats, trials, announcements. */
const OTHER_CALLS = 100

/** As `work-limits.test.ts`, for a node with many rooms in which nothing happens. */
describe('the work that a gateway does for many rooms', () => {
  const onCleanUp = cleanUpAfterEach()

  async function setUp() {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url, ...COUNTING })
    onCleanUp(gateway.stop)
    const admin = createClient({ url: redis.url })
    await admin.connect()
    onCleanUp(() => admin.destroy())
    /** Returns how often each Redis command was called so far, scripts included. */
    const calls = async (): Promise<(name: string) => number> => {
      const stats = await admin.info('commandstats')
      return (name) => Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0)
    }
    const cutSubscriptions = () => admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    return { gateway, calls, cutSubscriptions }
  }

  async function join({ url }: GatewayProcess, socket: number): Promise<Client> {
    const token = await makeToken({ sub: `admin-${socket}`, role: 'admin' })
    const client = await connect(url, token)
    onCleanUp(() => client.close())
    return client
  }

  async function enter(client: Client, socket: number): Promise<void> {
    for (let i = 0; i < ROOMS_PER_SOCKET; i += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, (_, j) =>
          client.subscribe({ group: `@TGS#room-${socket}-${i + j}` }),
        ),
      )
  }

  it('is a few calls when they open, none when they are open, and few when all must be compared with their logs', async () => {
    const { gateway, calls, cutSubscriptions } = await setUp()
    const clients = await Promise.all(Array.from({ length: SOCKETS }, (_, i) => join(gateway, i)))
    const others = await Promise.all(Array.from({ length: SOCKETS }, (_, i) => join(gateway, SOCKETS + i)))
    const scripts = (of: (name: string) => number) => of('evalsha') + of('eval')
    const heapBefore = (await workOf(gateway)).heapBytes
    const before = await calls()
    await Promise.all(clients.map(enter))
    const opened = await calls()
    // 128 and 100 when this limit was set: as many as turns in which requests arrive.
    expect(scripts(opened) - scripts(before), 'heads').to.be.below(ROOMS / 25 + OTHER_CALLS)
    expect(opened('ssubscribe') - before('ssubscribe'), 'subscriptions').to.be.below(ROOMS / 10)
    const heapBytes = (await workOf(gateway)).heapBytes - heapBefore
    expect(heapBytes / ROOMS, 'bytes of heap per room').to.be.below(MAX_HEAP_BYTES_PER_ROOM)

    await Promise.all(others.map(enter))
    const joined = await calls()
    expect(scripts(joined) - scripts(opened), 'heads of rooms that are open').to.be.below(OTHER_CALLS)
    // Each trial of what the user at Redis may do makes one, and one `persist` before.
    const opens = (of: (name: string) => number) => of('ssubscribe') - of('persist')
    expect(opens(joined) - opens(opened)).to.be.within(-1, 1)

    await cutSubscriptions()
    const seen = await waitUntil('all rooms have looked at their logs', async () => {
      const now = await calls()
      return now('hmget') - joined('hmget') >= ROOMS && now
    })
    // 159 when this limit was set: 32 rooms in each.
    expect(scripts(seen) - scripts(joined), 'comparisons').to.be.below(ROOMS / 32 + OTHER_CALLS)
    expect(seen('ssubscribe') - joined('ssubscribe'), 'subscriptions').to.be.below(ROOMS / 512 + 10)
  })
})
