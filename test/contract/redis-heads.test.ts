import { expect } from 'chai'
import { roomName } from '../../shared/room.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { redisCallsOf } from '../support/redis-calls.ts'
import { KEYS, startRedisBroker } from '../support/redis-broker.ts'

/** More than one call reads. */
const ROOMS = 100
const DAY_S = 86_400
const HOUR_S = 3_600

describe('heads in Redis', () => {
  const onCleanUp = cleanUpAfterEach()

  it('are renewed with each read that renews, and otherwise cost one command each', async () => {
    const { url, broker, redis } = await startRedisBroker(onCleanUp, { historySize: 10 })
    const rooms = Array.from({ length: ROOMS }, (_, i) => ({ group: `g${i}` }))
    const ttlS = (group: string) => redis.ttl(KEYS.head(roomName({ group })))
    const ttls = () => Promise.all([ttlS('g0'), ttlS('g1')])
    const shorten = () =>
      Promise.all(rooms.map(({ group }) => redis.expire(KEYS.head(roomName({ group })), 90)))
    const expires = async (read: () => Promise<unknown>): Promise<number> => {
      const before = (await redisCallsOf(url)).get('expire') ?? 0
      await read()
      return ((await redisCallsOf(url)).get('expire') ?? 0) - before
    }

    await broker.publish({ group: 'g0', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }, 2_000)
    // Each of the others is new, and gets the TTL that it needs. Trials of what Redis allows run meanwhile.
    const first = await broker.heads(rooms, { renews: false })
    expect(await ttlS('g1')).to.be.within(DAY_S, DAY_S + HOUR_S)
    await shorten()
    expect(await expires(() => broker.heads(rooms, { renews: false }))).to.be.below(20)
    expect(await ttls()).to.satisfy((seconds: number[]) => seconds.every((s) => s <= 90))
    expect(await broker.heads(rooms)).to.deep.equal(first)
    const [used, unused] = await ttls()
    expect(used).to.be.within(30 * DAY_S, 30 * DAY_S + HOUR_S)
    expect(unused).to.be.within(DAY_S, DAY_S + HOUR_S)
    // A single one, as when a room opens.
    await shorten()
    await broker.heads([{ group: 'g1' }])
    expect(await ttlS('g1')).to.be.within(DAY_S, DAY_S + HOUR_S)
  })
})
