import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { KEYS, startRedisBroker } from '../support/redis-broker.ts'

describe('heartbeats in Redis', () => {
  const onCleanUp = cleanUpAfterEach()

  it('stay for ten minutes, but only the latest 50 of processes that are gone when there are many', async () => {
    const { broker, redis } = await startRedisBroker(onCleanUp, { historySize: 10 })
    const { heartbeats: key } = KEYS
    const [seconds] = await redis.time()
    const nowMs = Number(seconds) * 1_000
    /** Writes heartbeats as if each had been sent some seconds ago by the clock of Redis. */
    const write = (name: string, count: number, firstAgeS: number) =>
      redis.hset(
        key,
        Object.fromEntries(
          Array.from({ length: count }, (_, i) => [
            `${name}-${i}`,
            `${nowMs - (firstAgeS + i) * 1_000}:text`,
          ]),
        ),
      )
    const ids = async () => (await broker.heartbeats()).map(({ id }) => id)

    // After a failover, the clock can be behind the one by which they were written: nothing is known of these processes.
    await redis.hset(
      key,
      'from-the-future',
      `${nowMs + 3_600_000}:text`,
      'expired',
      `${nowMs - 601_000}:text`,
    )
    await write('gone', 190, 10)
    await broker.heartbeat('alive', 'text')
    expect(await ids())
      .to.have.length(191)
      .and.include.members(['alive', 'gone-0', 'gone-189'])
    expect(await redis.pttl(key)).to.be.within(595_000, 600_000)
    for (let i = 0; i < 20; i++) await broker.heartbeat(`other-${i}`, 'text')
    const left = await ids()
    expect(left.filter((id) => id.startsWith('gone'))).to.have.length.within(50, 60)
    expect(left).to.include.members(['alive', 'gone-0', 'gone-49']).and.not.include('gone-189')
    expect(await redis.hexists(key, 'from-the-future')).to.equal(0)
    expect(left.filter((id) => id.startsWith('other'))).to.have.length(20)
  })
})
