import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP } from '../support/gateway-process.ts'
import { startCuttableRedis } from '../support/power-cut.ts'
import { waitUntil } from '../support/wait.ts'

/** Longer than two intervals in which a server syncs. */
const TRAFFIC_MS = 2_600
const INTERVAL_MS = 5

describe('a power cut of Redis', () => {
  const onCleanUp = cleanUpAfterEach()

  const connect = async (url: string, waitAof: boolean) => {
    const options = { historySize: 10, historyTtlS: 600, prefix: 'test', app: APP, waitAof }
    const broker = createRedisBroker({ ...options, url }, { log: pino({ level: 'silent' }) })
    onCleanUp(broker.stop)
    await broker.start()
    return broker
  }

  /**
   * Publishes until the power is cut. Resolves to how many recalls were confirmed, and how many of these are gone; undefined if the
   * broker says that this server cannot be waited for.
   */
  const run = async (appendfsync: string, waitAof: boolean) => {
    const redis = await startCuttableRedis(appendfsync)
    onCleanUp(redis.stop)
    const broker = await connect(redis.url, waitAof).catch(() => undefined)
    if (broker === undefined || broker.reasons().join().includes('PREMATURE')) return undefined
    const confirmed: number[] = []
    const endMs = performance.now() + TRAFFIC_MS
    for (let seq = 1; performance.now() < endMs || confirmed.length === 0; seq++) {
      const recall = { group: 'g', messages: [{ seq }], recalledAtMs: seq, receivedAtMs: seq }
      void broker.publish(recall, 1_400).then(
        () => confirmed.push(seq),
        () => undefined,
      )
      await delay(INTERVAL_MS)
    }
    const before = [...confirmed]
    await redis.cutPower()
    const after = await connect(redis.url, false)
    await waitUntil('Redis answers', after.isReady)
    const left = await after.recalled({ group: 'g' }, before)
    return { confirmed: before.length, lost: before.length - left.length }
  }

  it('takes nothing that was confirmed with appendfsync always or REDIS_WAIT_AOF=1', async () => {
    const [always, waited, both, unsynced] = await Promise.all([
      run('always', false),
      run('everysec', true),
      run('always', true),
      run('no', false),
    ])
    expect(always?.lost).to.equal(0)
    for (const result of [waited, both]) if (result !== undefined) expect(result.lost).to.equal(0)
    // Otherwise nothing was cut.
    expect(unsynced?.lost).to.be.above(0)
  })
})
