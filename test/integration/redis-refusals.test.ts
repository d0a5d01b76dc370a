import { expect } from 'chai'
import { pino } from 'pino'
import { createClient } from 'redis'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import type { Broker } from '../../server/broker/broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { freePort } from '../support/free-port.ts'
import { APP } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

const PASSWORD = 'gateway-password'
const PUBLISH_TIMEOUT_MS = 1_000
/** The next trial comes within two seconds, and one more may be needed. */
const RECOVERY_MS = 6_000

type Send = (...command: string[]) => Promise<unknown>

let seq = 1
const recall = () => {
  const nowMs = Date.now()
  return { group: 'g', messages: [{ seq: seq++ }], recalledAtMs: nowMs, receivedAtMs: nowMs }
}

describe('what Redis refuses', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Starts a server, on which the gateway's user may do everything but what `rights` take away. */
  const setUp = async ({ rights = [] as string[], flags = [] as string[] } = {}) => {
    const redis = await startRedis({ flags })
    onCleanUp(redis.stop)
    const admin = await createClient({ url: redis.url, RESP: 2 }).connect()
    onCleanUp(() => admin.destroy())
    const send: Send = (...command) => admin.sendCommand(command)
    await send('ACL', 'SETUSER', 'gw', 'on', `>${PASSWORD}`, '~*', '&*', '+@all', ...rights)
    const lines: string[] = []
    const options = { prefix: 'test', app: APP, historySize: 10, historyTtlS: 60 }
    const url = redis.url.replace('//', `//gw:${PASSWORD}@`)
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    const broker = createRedisBroker({ ...options, url }, { log })
    onCleanUp(broker.stop)
    return { broker, send, log: () => lines.join('') }
  }

  /** Publishes; resolves to what the broker says about it. */
  const publish = (broker: Broker): Promise<string> =>
    broker.publish(recall(), PUBLISH_TIMEOUT_MS).then(
      () => 'published',
      () => broker.reasons().join(),
    )

  /** A busy machine may have to try again: a command has a second. */
  const isPublished = (broker: Broker) =>
    waitUntil('it is published', async () => (await publish(broker)) === 'published')
  const isRefused = async (broker: Broker, pattern: RegExp): Promise<void> => {
    const outcome = await waitUntil('it is answered', async () => {
      const said = await publish(broker)
      return !said.includes('no reply within') && said
    })
    expect(outcome).to.match(pattern)
  }
  const isAccepted = (broker: Broker) =>
    waitUntil('nothing is refused', () => broker.reasons().length === 0, RECOVERY_MS)

  const REFUSALS: readonly (readonly [
    code: string,
    spoil: string[][],
    restore: string[][],
    words?: string,
  ])[] = [
    ['NOPERM', [['ACL', 'SETUSER', 'gw', '-xadd']], [['ACL', 'SETUSER', 'gw', '+xadd']], 'xadd'],
    ['NOPERM', [['ACL', 'SETUSER', 'gw', '-hset']], [['ACL', 'SETUSER', 'gw', '+hset']], 'hset'],
    ['NOPERM', [['ACL', 'SETUSER', 'gw', '-evalsha']], [['ACL', 'SETUSER', 'gw', '+evalsha']], 'evalsha'],
    ['NOPERM', [['ACL', 'SETUSER', 'gw', 'resetkeys', '~x']], [['ACL', 'SETUSER', 'gw', '~*']], 'key'],
    ['READONLY', [['REPLICAOF', '127.0.0.1', '1']], [['REPLICAOF', 'NO', 'ONE']]],
    [
      'NOREPLICAS',
      [['CONFIG', 'SET', 'min-replicas-to-write', '1']],
      [['CONFIG', 'SET', 'min-replicas-to-write', '0']],
    ],
    ['OOM', [['CONFIG', 'SET', 'maxmemory', '1']], [['CONFIG', 'SET', 'maxmemory', '0']]],
  ]

  for (const [code, spoil, restore, words = ''] of REFUSALS) {
    it(`is said at once, and forgotten as soon as it is accepted: ${code} ${words}`, async () => {
      const { broker, send, log } = await setUp()
      await broker.start()
      await isAccepted(broker)
      await isPublished(broker)
      for (const command of spoil) await send(...command)
      await isRefused(broker, new RegExp(`^cannot store recalls\\b.*: ${code}: .*\\(.+\\)`))
      expect(broker.isReady()).to.equal(false)
      await waitUntil('the log names it', () => log().includes(code) && log().includes(words))
      expect(log()).to.include('"level":50')
      for (const command of restore) await send(...command)
      await waitUntil('the broker is ready', broker.isReady, RECOVERY_MS)
      await isPublished(broker)
    })
  }

  for (const [words, rights] of [
    ['xadd', ['-xadd']],
    ['xrevrange', ['-xrevrange']],
    ['eval', ['-eval']],
    ['ssubscribe', ['-ssubscribe']],
    ['channel', ['resetchannels']],
    ['channel', ['resetchannels', `&test:{${APP}}:probe:*`]],
    ['channel', ['resetchannels', `&test:{${APP}}:notices:*`]],
    ['key', ['resetkeys', `~test:{${APP}}:head:*`]],
  ] as const) {
    it(`is said at the start: ${rights.join(' ')}`, async () => {
      const { broker, send } = await setUp({ rights: [...rights] })
      await broker.start()
      await waitUntil('the reason', () => broker.reasons().some((reason) => reason.includes(words)))
      expect(broker.reasons().join()).to.include('NOPERM').and.include('redis.md#permissions')
      await send('ACL', 'SETUSER', 'gw', '+@all', '~*', '&*')
      await waitUntil('the broker is ready', broker.isReady, RECOVERY_MS)
    })
  }

  it('is said when channels are taken away while nothing is published', async () => {
    const { broker, send } = await setUp()
    await broker.start()
    await send('ACL', 'SETUSER', 'gw', 'resetchannels')
    await waitUntil('the reason', () => broker.reasons().some((reason) => reason.includes('channel')))
    await send('ACL', 'SETUSER', 'gw', '&*')
    await waitUntil('the broker is ready', broker.isReady, RECOVERY_MS)
  })

  it('keeps a process from its work only once if it is about some keys, and again if it is about all', async () => {
    const { broker, send } = await setUp({ rights: ['resetkeys', '~*}:[^l]*', '~*}:log:feed', '~*}:log:*g'] })
    await broker.start()
    const publishTo = (group: string) =>
      broker.publish({ ...recall(), group }, PUBLISH_TIMEOUT_MS).catch(() => undefined)
    await publishTo('refused')
    expect(broker.reasons().join()).to.match(/^cannot store recalls: NOPERM/)
    await waitUntil('a trial has succeeded', broker.isReady, RECOVERY_MS)
    for (let i = 0; i < 5; i++) {
      await publishTo('refused')
      expect(broker.reasons()).to.deep.equal([])
      expect(await publishTo('g')).to.have.property('duplicate', false)
    }
    expect(broker.warnings().join()).to.include('cannot store recalls for some keys: NOPERM')
    await send('ACL', 'SETUSER', 'gw', '-xadd')
    await publishTo('refused')
    await waitUntil('all are refused', () => !broker.isReady(), RECOVERY_MS)
  })

  it('does not keep a process from its work when only heartbeats are refused', async () => {
    const { broker } = await setUp({ rights: ['-hlen'] })
    await broker.start()
    await isAccepted(broker)
    expect(broker.warnings().join()).to.include('cannot report heartbeats: NOPERM')
  })

  it('keeps a process from starting when the server lacks a command', async () => {
    const { broker } = await setUp({ flags: ['--rename-command', 'SPUBLISH', ''] })
    const error = await broker.start().catch((reason: unknown) => reason)
    expect(error).to.have.property('code', 'START_FAILED')
    expect(error)
      .to.have.property('message')
      .that.matches(/unknown .*command.*7\.0/i)
  })

  it('keeps the gateway out of another database', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const options = { prefix: 'test', app: APP, historySize: 10, historyTtlS: 60 }
    const broker = createRedisBroker(
      { ...options, url: `${redis.url}/99` },
      { log: pino({ level: 'silent' }) },
    )
    onCleanUp(broker.stop)
    const error = await broker.start().catch((reason: unknown) => reason)
    expect(error).to.have.property('message').that.includes('DB index is out of range')
    expect(broker.isReady()).to.equal(false)
  })

  it('is tried without leaving anything behind', async () => {
    const { broker, send } = await setUp()
    await broker.start()
    expect(await send('KEYS', '*')).to.deep.equal([])
  })

  it('is told from what is missing: persistence and a policy that evicts', async () => {
    const { broker, log } = await setUp({ flags: ['--maxmemory-policy', 'allkeys-lru'] })
    await broker.start()
    expect(broker.warnings().join()).to.include('allkeys-lru')
    expect(log()).to.include('maxmemory-policy')

    const port = await freePort()
    const unsaved = await startRedis({ port })
    onCleanUp(unsaved.stop)
    const options = { prefix: 'test', app: APP, historySize: 10, historyTtlS: 60 }
    const other = createRedisBroker({ ...options, url: unsaved.url }, { log: pino({ level: 'silent' }) })
    onCleanUp(other.stop)
    await other.start()
    expect(other.warnings().join()).to.include('appendonly')
  })
})
