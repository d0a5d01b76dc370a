import { expect } from 'chai'
import { pino } from 'pino'
import { createClient } from 'redis'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

const KEY = `test:{${APP}}:announcements:revocations`
const HINT = `test:{${APP}}:notices:announcements:revocations`

describe('announcements in a Redis to which others write', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Two processes that follow announcements, and the admin of their Redis. */
  const setUp = async ({ signingKeys = [] as string[] } = {}) => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const admin = await createClient({ url: redis.url, RESP: 2 }).connect()
    onCleanUp(() => admin.destroy())
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    const start = async () => {
      const options = { prefix: 'test', app: APP, historySize: 10, historyTtlS: 60, signingKeys }
      const broker = createRedisBroker({ ...options, url: redis.url }, { log })
      await broker.start()
      onCleanUp(broker.stop)
      const heard: string[] = []
      const state = { hasCaughtUp: false }
      const onCaughtUp = (): void => void (state.hasCaughtUp = true)
      onCleanUp(broker.onAnnouncement('revocations', (text) => void heard.push(text), onCaughtUp))
      return { broker, heard, state }
    }
    const send = (...command: string[]) => admin.sendCommand(command)
    return { start, send, log: () => lines.join('') }
  }

  const SPOILED: readonly (readonly [name: string, command: string[]])[] = [
    ['a key of another type', ['SET', KEY, 'x']],
    ['a stream without a further id', ['XADD', KEY, `${2n ** 64n - 1n}-${2n ** 64n - 1n}`, 't', 'x']],
  ]
  for (const [name, command] of SPOILED) {
    it(`are heard in spite of ${name}, which is said and replaced`, async () => {
      const { start, send, log } = await setUp()
      await send(...command)
      const [first, second] = [await start(), await start()]
      await waitUntil('both have caught up', () => first.state.hasCaughtUp && second.state.hasCaughtUp)
      await waitUntil('both are ready', () => first.broker.isReady() && second.broker.isReady())
      await first.broker.announce('revocations', 'order')
      await waitUntil('both hear it', () => [first, second].every(({ heard }) => heard.includes('order')))
      expect(log()).to.include('have been replaced')
      const third = await start()
      await waitUntil('a later process hears it', () => third.heard.includes('order'))
    })
  }

  it('are heard after an unsigned one with a huge id', async () => {
    const { start, send, log } = await setUp({ signingKeys: ['k'.repeat(32)] })
    const [first, second] = [await start(), await start()]
    await waitUntil('both have caught up', () => first.state.hasCaughtUp && second.state.hasCaughtUp)
    await send('XADD', KEY, '9999999999999-0', 't', 'forged')
    await send('SPUBLISH', HINT, 'look')
    await waitUntil('it was read', () => log().includes('without a valid signature'))
    const bothHear = async (text: string) => {
      await first.broker.announce('revocations', text)
      await waitUntil('both hear it', () => [first, second].every(({ heard }) => heard.includes(text)))
    }
    await bothHear('order behind it')
    await send('DEL', KEY)
    await bothHear('order without it')
    expect(first.heard).to.deep.equal(['order behind it', 'order without it'])
  })

  it('keep a process from being ready until they have been read', async () => {
    const { start, send } = await setUp()
    await send('ACL', 'SETUSER', 'default', '-xrevrange')
    const { broker, state } = await start()
    expect(broker.isReady()).to.equal(false)
    expect(state.hasCaughtUp).to.equal(false)
    await send('ACL', 'SETUSER', 'default', '+xrevrange')
    await waitUntil('it has caught up', () => state.hasCaughtUp)
    await waitUntil('it is ready', broker.isReady)
  })
})
