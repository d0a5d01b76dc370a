import { expect } from 'chai'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { createKeys } from '../../server/broker/redis/keys.ts'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { createSigner } from '../../server/broker/redis/signature.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { APP } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

const log = pino({ level: 'silent' })
const signingKeys = ['k'.repeat(32)]
const keys = createKeys('test', APP)
const PROCESS = '00000000-0000-4000-8000-000000000000'

describe('questions in Redis', () => {
  const onCleanUp = cleanUpAfterEach()
  let url: string
  let stopRedis: () => Promise<void>
  let admin: Redis

  beforeEach(async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    ;({ url, stop: stopRedis } = redis)
    admin = new Redis(url)
    admin.on('error', () => undefined)
    onCleanUp(async () => admin.disconnect())
  })

  const open = async () => {
    const broker = createRedisBroker(
      { historySize: 10, historyTtlS: 60, url, prefix: 'test', app: APP, signingKeys },
      { log },
    )
    await broker.start()
    onCleanUp(() => broker.stop())
    return broker
  }

  /** Opens a process that answers to `one`, and returns what it is asked. */
  const answering = async () => {
    const asked: string[] = []
    const broker = await open()
    broker.onAsk('one', async (question) => {
      asked.push(question)
      return 'answer'
    })
    await listening()
    return asked
  }
  const listening = () =>
    waitUntil('it listens', async () => (await admin.spublish(keys.questions('one'), 'no question')) === 1)
  const question = (fields: object) =>
    JSON.stringify({
      v: 2,
      id: crypto.randomUUID(),
      from: PROCESS,
      to: 'one',
      askedAtMs: Date.now(),
      text: 'forged',
      ...fields,
    })
  const sign = (text: string, key = signingKeys[0] ?? '', kind = 'question') =>
    createSigner(kind, { keys: [key], app: APP }).sign(text)

  it('are answered once, and only if a process with the key has just asked them here', async () => {
    const asked = await answering()
    const put = (text: string) => admin.spublish(keys.questions('one'), text)
    const good = sign(question({ text: 'good' }))
    for (const text of [
      question({}),
      sign(question({}), 'l'.repeat(32)),
      sign(question({}), signingKeys[0], 'answer'),
      sign(question({ to: 'two' })),
      sign(question({ askedAtMs: Date.now() - 61_000 })),
      sign(question({ askedAtMs: Date.now() + 61_000 })),
      sign(question({ v: 9 })),
      sign(question({ from: '../other' })),
      sign('{}'),
      sign('x'.repeat(40_000)),
      good,
      good,
      sign(question({ text: 'last' })),
    ])
      expect(await put(text)).to.equal(1)
    await waitUntil('the last one is answered', () => asked.includes('last'))
    expect(asked).to.deep.equal(['good', 'last'])
  })

  it('of before the process has started are not answered, although it cannot remember them', async () => {
    const before = sign(question({ askedAtMs: Date.now() - 1, text: 'before' }))
    const asked = await answering()
    await admin.spublish(keys.questions('one'), before)
    await admin.spublish(keys.questions('one'), sign(question({ text: 'last' })))
    await waitUntil('the last one is answered', () => asked.length > 0)
    expect(asked).to.deep.equal(['last'])
  })

  it('take no answer that no process with the key has given', async () => {
    const asker = await open()
    const thief = admin.duplicate()
    onCleanUp(async () => thief.disconnect())
    await thief.ssubscribe(keys.questions('one'))
    thief.on('smessage', (_channel: string, text: string) => {
      const { id, from } = JSON.parse(text.slice(text.indexOf('{'))) as { id: string; from: string }
      const answer = JSON.stringify({ id, text: 'forged' })
      for (const forged of [answer, sign(answer, 'l'.repeat(32), 'answer'), sign(answer)])
        void admin.spublish(keys.answers(from), forged)
    })
    const fairMs = fairClock()
    const [startMs, fairlyStartedMs] = [performance.now(), fairMs()]
    const error = await asker.ask('one', 'q').catch((reason: unknown) => reason)
    expect(error).to.include({ code: 'PROCESS_UNREACHABLE' })
    expect(performance.now() - startMs).to.be.at.least(1_900)
    expect(fairMs() - fairlyStartedMs).to.be.below(3_000)
  })

  it('are answered again on a new connection', async () => {
    const asked = await answering()
    const asker = await open()
    expect(await asker.ask('one', 'q')).to.equal('answer')
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await waitUntil('both listen again', async () =>
      asker.ask('one', 'again').then(
        () => true,
        () => false,
      ),
    )
    expect(asked).to.include('again')
  })

  it('wait no longer than 64 at a time', async () => {
    const asker = await open()
    const listener = admin.duplicate()
    onCleanUp(async () => listener.disconnect())
    await listener.ssubscribe(keys.questions('one'))
    const outcomes = await Promise.all(
      Array.from({ length: 66 }, () =>
        asker.ask('one', 'q').catch((error: unknown) => (error as { code: string }).code as string),
      ),
    )
    expect(outcomes.filter((code) => code === 'NODE_FULL')).to.have.length(2)
  })

  it('to the process itself are answered without Redis, and those to others fail soon', async () => {
    const broker = await open()
    broker.onAsk('one', async (text) => `answer to ${text}`)
    await listening()
    await stopRedis()
    expect(await broker.ask('one', 'q')).to.equal('answer to q')
    await waitUntil('it is noticed', () => !broker.isReady())
    const fairMs = fairClock()
    const startMs = fairMs()
    const error = await broker.ask('two', 'q').catch((reason: unknown) => reason)
    expect(error).to.include({ code: 'BROKER_UNAVAILABLE' })
    expect(fairMs() - startMs).to.be.below(2_500)
  })
})
