import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { createKeys } from '../../server/broker/redis/keys.ts'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { SCRIPTS } from '../../server/broker/redis/scripts.ts'
import type { ScriptedRedis } from '../../server/broker/redis/scripts.ts'
import { createTrials } from '../../server/broker/redis/trials.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'

const REDIS = readFileSync(fileURLToPath(new URL('../../../server/docs/redis.md', import.meta.url)), 'utf8')
/** The permissions in redis.md, in the words of ACL SETUSER. */
const [, WORDS = ''] = /^user gateway on >\S+ ((?:.|\n)+?)^```/m.exec(REDIS) ?? []
const PERMISSIONS = WORDS.trim().split(/\s+/)
/** The commands that a connection needs before anything can be tried. */
const OF_CONNECTIONS = ['hello', 'auth', 'ping', 'info', 'select', 'client|setname']
const COMMANDS = PERMISSIONS.filter((word) => word.startsWith('+'))
  .map((word) => word.slice(1))
  .filter((command) => !OF_CONNECTIONS.includes(command))

const recall = {
  group: 'g',
  topic: 't',
  messages: [{ seq: 1 }],
  recalledAtMs: 1_670_000_000_000,
  receivedAtMs: 1_700_000_000_000,
}

describe('Redis that refuses a command', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const admin = new Redis(redis.url)
    onCleanUp(async () => admin.disconnect())
    const allow = (...words: string[]) =>
      admin.call('ACL', 'SETUSER', 'gateway', 'reset', 'on', '>p', ...PERMISSIONS, ...words)
    await allow()
    const url = redis.url.replace('redis://', 'redis://gateway:p@')
    const commands = new Redis(url, {
      scripts: SCRIPTS,
      disableClientInfo: true,
      lazyConnect: true,
    }) as ScriptedRedis
    await commands.connect()
    onCleanUp(async () => commands.disconnect())
    const subscriber = commands.duplicate({ lazyConnect: true })
    await subscriber.connect()
    onCleanUp(async () => subscriber.disconnect())
    const keys = createKeys('recall-gateway', APP, ':trial:1')
    const trials = createTrials({ commands, subscriber, keys, waitsForReplicas: true, checkSync: undefined })
    /** Resolves to the first ability that Redis refuses, and what it says. */
    const tryEverything = async () => {
      for (const { ability, run } of trials) {
        const error = await run().catch((reason: unknown) => reason)
        if (error instanceof Error) return { ability, reason: String((error.cause as Error).message) }
      }
      return undefined
    }
    return { url, admin, allow, tryEverything }
  }

  it('is found by a trial, whichever command it is, and trials leave nothing behind', async () => {
    const { admin, allow, tryEverything } = await setUp()
    expect(await tryEverything()).to.equal(undefined)
    expect(COMMANDS).to.include.members(['hset', 'xadd', 'spublish'])
    for (const command of COMMANDS) {
      await allow(`-${command}`)
      const refusal = await tryEverything()
      expect(refusal?.reason, command).to.match(new RegExp(`\\(${command}\\)|'${command}'`))
    }
    await allow('resetchannels')
    expect(await tryEverything()).to.have.property('ability', 'store recalls')
    for (const key of await admin.keys('*')) {
      expect(key).to.include(':trial:')
      expect(await admin.pttl(key), key).to.be.within(1, 10_000)
    }
  })

  it('changes nothing when a recall cannot be published as a whole, and publishes it once when it can', async () => {
    const { url, admin, allow } = await setUp()
    const log = pino({ level: 'silent' })
    const settings = { prefix: 'recall-gateway', app: APP, historySize: 10, historyTtlS: 60 }
    const broker = createRedisBroker({ ...settings, url, recalledTtlS: 60 }, { log })
    await broker.start()
    onCleanUp(() => broker.stop())
    const received: number[] = []
    await broker.subscribe(
      { group: 'g' },
      { onNotice: ({ offset }) => received.push(offset), onInterrupted: () => undefined },
    )
    for (const command of ['xadd', 'hset', 'zadd', 'pexpire', 'spublish', 'hsetnx', 'del']) {
      await allow(`-${command}`)
      const error = await broker.publish(recall, 2_000).catch((reason: unknown) => reason)
      expect(error, command).to.have.property('code', 'BROKER_UNAVAILABLE')
      expect(error).to.have.nested.property('cause.cause.name', 'ReplyError')
      expect((await admin.keys('*')).filter((key) => !key.includes(':trial:'))).to.deep.equal([])
    }
    await allow()
    expect(await broker.publish(recall, 2_000)).to.have.property('duplicate', false)
    expect(await broker.publish(recall, 2_000)).to.have.property('duplicate', true)
    const [head] = await broker.heads([{ group: 'g' }])
    expect(head?.offset).to.equal(1)
    expect(received).to.deep.equal([1])
  })
})
