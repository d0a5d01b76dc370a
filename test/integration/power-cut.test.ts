import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP } from '../support/gateway-process.ts'
import { startCuttableRedis } from '../support/power-cut.ts'
import { waitaofOf } from '../support/redis-waitaof.ts'
import { notRun } from '../support/not-run.ts'
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
   * Publishes until the power is cut. Resolves to how many recalls were confirmed, and how many of these are gone, or to why this
   * server cannot be waited for.
   */
  const run = async (appendfsync: string, waitAof: boolean) => {
    const redis = await startCuttableRedis(appendfsync)
    onCleanUp(redis.stop)
    const waitaof = await waitaofOf(redis.url)
    if (waitAof && waitaof === 'unknown') return 'it does not know WAITAOF'
    const broker = await connect(redis.url, waitAof)
    const isEarly = waitAof && waitaof === 'early' && appendfsync === 'everysec'
    expect(broker.reasons().join().includes('PREMATURE')).to.equal(isEarly)
    if (isEarly) return 'its WAITAOF answers too early'
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

  it('takes nothing that was confirmed with appendfsync always, and something without', async () => {
    const [always, unsynced] = await Promise.all([run('always', false), run('no', false)])
    expect(always).to.have.property('lost', 0)
    // Otherwise nothing was cut.
    expect(unsynced).to.have.property('lost').that.is.above(0)
  })

  it('takes nothing that was confirmed with REDIS_WAIT_AOF=1', async function () {
    const results = await Promise.all([run('everysec', true), run('always', true)])
    for (const result of results) if (typeof result !== 'string') expect(result.lost).to.equal(0)
    const reason = results.find((result) => typeof result === 'string')
    if (reason !== undefined) notRun(this, reason)
  })
})
