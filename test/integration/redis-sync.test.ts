import { expect } from 'chai'
import { pino } from 'pino'
import { createClient } from 'redis'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import type { Broker } from '../../server/broker/broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitaofOf } from '../support/redis-waitaof.ts'
import { startScriptedSync } from '../support/scripted-sync.ts'
import type { SyncReply } from '../support/scripted-sync.ts'
import { notRun } from '../support/not-run.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** Of a recall that is not to be kept. */
const PUBLISH_TIMEOUT_MS = 1_400
/** Of one that is, also on a machine that stalls. */
const PATIENCE_MS = 10_000
/** Trials follow within two seconds. */
const RECOVERY_MS = 15_000
const AOF_OFF = 'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.'
/** Servers sync once in a second at most. */
const SYNC_INTERVAL_MS = 800

let seq = 1
const recall = () => {
  const nowMs = Date.now()
  return { group: 'g', messages: [{ seq: seq++ }], recalledAtMs: nowMs, receivedAtMs: nowMs }
}

describe('a recall that counts as kept once the append-only file is synced', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Starts a Redis with an append-only file, and a sender of commands. */
  const startServer = async (appendfsync: string) => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const redis = await startRedis({ dataDir: folder.path, flags: ['--appendfsync', appendfsync] })
    onCleanUp(redis.stop)
    const admin = await createClient({ url: redis.url, RESP: 2 }).connect()
    onCleanUp(() => admin.destroy())
    return { redis, send: (...command: string[]) => admin.sendCommand(command) }
  }

  /** A server whose WAITAOF the test answers. */
  const setUp = async (appendfsync = 'always') => {
    const { redis, send } = await startServer(appendfsync)
    const sync: { reply: () => Promise<SyncReply> | SyncReply; asked: number } = {
      reply: () => [1, 0],
      asked: 0,
    }
    const server = await startScriptedSync(redis.port, () => {
      sync.asked++
      return sync.reply()
    })
    onCleanUp(server.stop)
    return { redis, send, sync, server }
  }

  const createBroker = (url: string) => {
    const options = { historySize: 10, historyTtlS: 60, prefix: 'test', app: APP, waitAof: true }
    const broker = createRedisBroker({ ...options, url }, { log: pino({ level: 'silent' }) })
    onCleanUp(broker.stop)
    return broker
  }
  const publish = (broker: Broker, timeoutMs = PATIENCE_MS): Promise<string> =>
    broker.publish(recall(), timeoutMs).then(
      () => 'kept',
      (error: Error) => error.message,
    )

  /** A busy machine may have to try again: a command has a second. */
  const isKept = (broker: Broker) => waitUntil('it is kept', async () => (await publish(broker)) === 'kept')
  const says = (broker: Broker, pattern: RegExp) =>
    waitUntil(`it says ${pattern.source}`, () => pattern.test(broker.reasons().join()), RECOVERY_MS)

  it('is not confirmed before, and holds up nothing but other recalls', async () => {
    const { server, sync } = await setUp()
    const broker = createBroker(server.url)
    await broker.start()
    await isKept(broker)

    let answer = (_reply: SyncReply): void => undefined
    sync.reply = () => new Promise((resolve) => (answer = resolve))
    const asked = sync.asked
    let outcome: string | undefined
    const late = { ...recall(), group: 'late' }
    const publishing = broker.publish(late, PATIENCE_MS).then(() => (outcome = 'kept'))
    await waitUntil('the sync is asked for', () => sync.asked > asked)
    // It is stored, and nodes have been told; only the answer waits.
    expect(await broker.recalled({ group: 'late' }, [late.messages[0]?.seq ?? 0])).to.have.lengthOf(1)
    expect(broker.isReady()).to.equal(true)
    expect(outcome).to.equal(undefined)
    sync.reply = () => [1, 0]
    answer([1, 0])
    await publishing
    expect(outcome).to.equal('kept')
  })

  it('goes to the disk of the receiver in time if the file is not synced, and is published once it is', async () => {
    const { server, sync } = await setUp()
    const gateway = await startGatewayProcess({ REDIS_URL: server.url, REDIS_WAIT_AOF: '1' })
    onCleanUp(gateway.stop)
    const spooled = () => readMetric(gateway.url, 'spool_recalls')
    const post = async () => (await postWebhook(gateway.url, { body: recallBody() })).status
    expect(await post()).to.equal(200)
    expect(await spooled()).to.equal(0)
    expect(await readMetric(gateway.url, 'power_cut{loses="nothing"}')).to.equal(1)

    sync.reply = () => new Promise((resolve) => setTimeout(resolve, 50, [0, 0]))
    const fairMs = fairClock(gateway.pid)
    const [startedMs, fairlyStartedMs] = [performance.now(), fairMs()]
    expect(await post()).to.equal(200)
    expect(performance.now() - startedMs).to.be.at.least(1_200)
    expect(fairMs() - fairlyStartedMs).to.be.below(2_000)
    expect(await spooled()).to.equal(1)
    sync.reply = () => [1, 0]
    await waitUntil('the spool is empty', async () => (await spooled()) === 0, RECOVERY_MS)
  })

  it('is refused by a server without such a file, at the start and after a reconnection, until it has one', async () => {
    const { server, sync } = await setUp()
    sync.reply = () => AOF_OFF
    const broker = createBroker(server.url)
    await broker.start()
    await says(broker, /^cannot sync the append-only file: AOF_OFF: .*appendonly yes/)
    expect(await publish(broker, PUBLISH_TIMEOUT_MS)).to.not.equal('kept')
    sync.reply = () => [1, 0]
    await waitUntil('the broker is ready', broker.isReady, RECOVERY_MS)
    await isKept(broker)

    sync.reply = () => AOF_OFF
    server.cut()
    await waitUntil('the reason', () => broker.reasons().join().includes('AOF_OFF'), RECOVERY_MS)
    expect(await publish(broker, PUBLISH_TIMEOUT_MS)).to.not.equal('kept')
  })

  it('keeps a process from starting on a server that does not know the command', async () => {
    const { server, sync } = await setUp()
    sync.reply = () => 'ERR unknown command WAITAOF, with args beginning with: 1 0 1'
    const error = await createBroker(server.url)
      .start()
      .catch((reason: unknown) => reason)
    expect(error).to.have.property('code', 'START_FAILED')
    expect(error).to.have.property('message').that.includes('Redis 7.2').and.includes('REDIS_WAIT_AOF')
  })

  it('is refused by a server that says it is on disk before it can be', async () => {
    const { server, send } = await setUp('everysec')
    const broker = createBroker(server.url)
    await broker.start()
    await says(broker, /^cannot sync the append-only file: PREMATURE: .*appendfsync always/)
    expect(await publish(broker, PUBLISH_TIMEOUT_MS)).to.not.equal('kept')
    await send('CONFIG', 'SET', 'appendfsync', 'always')
    await waitUntil('the broker is ready', broker.isReady, RECOVERY_MS)
    await isKept(broker)
  })

  it('is refused until three looks in a row have not found the server too early, because one may miss it', async () => {
    const { server, sync } = await setUp('everysec')
    const broker = createBroker(server.url)
    await broker.start()
    await says(broker, /PREMATURE/)
    sync.reply = () => [0, 0]
    const asked = sync.asked
    await waitUntil('the broker is ready', broker.isReady, RECOVERY_MS)
    expect(sync.asked - asked).to.be.at.least(3 * 2)
  })

  it('is refused by a server that never syncs', async () => {
    const { server, sync } = await setUp('no')
    sync.reply = () => [0, 0]
    const broker = createBroker(server.url)
    await broker.start()
    await says(broker, /^cannot sync the append-only file: NOFSYNC: .*appendfsync always/)
  })

  it('is refused by this Redis, if it is too old for it', async function () {
    const { redis } = await startServer('always')
    if ((await waitaofOf(redis.url)) !== 'unknown') return notRun(this, 'it is new enough')
    const error = await createBroker(redis.url)
      .start()
      .catch((reason: unknown) => reason)
    expect(error).to.have.property('message').that.includes('Redis 7.2')
  })

  it('is what this Redis promises, if it knows the command', async function () {
    const { redis, send } = await startServer('always')
    const waitaof = await waitaofOf(redis.url)
    if (waitaof === 'unknown') return notRun(this, 'it does not know WAITAOF')
    const broker = createBroker(redis.url)
    await broker.start()
    expect(broker.reasons()).to.deep.equal([])
    await isKept(broker)
    await send('CONFIG', 'SET', 'appendfsync', 'everysec')
    // Others write as well: that hides an early answer to writes of one pipeline.
    let isWriting = true
    const writing = (async () => {
      while (isWriting) await send('SET', 'of-another', '')
    })()
    onCleanUp(() => ((isWriting = false), writing))
    const other = createBroker(redis.url)
    await other.start()
    const isEarly = (): boolean => other.reasons().join().includes('PREMATURE')
    if (waitaof === 'early') {
      const asked = async (): Promise<number> => {
        const stats = (await send('INFO', 'commandstats')) as unknown as string
        return Number(/^cmdstat_waitaof:calls=(\d+)/m.exec(stats)?.[1])
      }
      // At each look of several.
      const before = await asked()
      while ((await asked()) < before + 8) {
        expect(isEarly()).to.equal(true)
        expect(await publish(other, PUBLISH_TIMEOUT_MS)).to.not.equal('kept')
      }
      return notRun(this, 'its WAITAOF answers too early with everysec')
    }
    expect(isEarly()).to.equal(false)
    // The first waits for a sync; the second, made after it, can only be part of a later one.
    expect(await publish(other)).to.equal('kept')
    const startedMs = performance.now()
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => publish(other)))
    expect(new Set(outcomes)).to.deep.equal(new Set(['kept']))
    // Less if the first one was read late. One that does not wait takes some milliseconds.
    expect(performance.now() - startedMs).to.be.above(SYNC_INTERVAL_MS / 2)
  })

  it('is confirmed again after its own connection has gone silent, which no probe takes', async () => {
    const { server } = await setUp()
    const proxy = await startTcpProxy(server.port)
    onCleanUp(proxy.stop)
    const broker = createBroker(`redis://127.0.0.1:${proxy.port}`)
    await broker.start()
    await isKept(broker)
    expect(proxy.swallow({ sent: 'recall-gateway-recalls' })).to.equal(1)
    expect(await publish(broker, PUBLISH_TIMEOUT_MS)).to.not.equal('kept')
    await waitUntil(
      'it is replaced',
      async () => (await publish(broker, PUBLISH_TIMEOUT_MS)) === 'kept',
      RECOVERY_MS,
    )
  })

  it('is refused where the user may not wait for it', async () => {
    const { server, sync } = await setUp()
    sync.reply = () => 'NOPERM User gateway has no permissions to run the waitaof command'
    const broker = createBroker(server.url)
    await broker.start()
    await says(broker, /^cannot sync the append-only file: NOPERM: .*waitaof.*redis\.md#permissions/)
    expect(await publish(broker, PUBLISH_TIMEOUT_MS)).to.not.equal('kept')
  })
})
