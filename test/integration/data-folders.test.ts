import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { createClient } from 'redis'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken } from '../support/client.ts'
import { APP, runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

describe('a data folder that is used elsewhere', () => {
  const onCleanUp = cleanUpAfterEach()

  const folder = (): string => {
    const { path, remove } = temporaryFolder()
    onCleanUp(remove)
    return path
  }
  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const started = await startGatewayProcess(settings)
    onCleanUp(started.stop)
    return started
  }
  const redisOf = async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const operator = createClient({ url: redis.url })
    await operator.connect()
    onCleanUp(() => operator.destroy())
    return { REDIS_URL: redis.url, operator }
  }
  const recall = async (to: GatewayProcess, seq: number): Promise<void> => {
    const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(to.url, { body })).status).to.equal(200)
  }
  const recalled = async (from: GatewayProcess): Promise<number[]> => {
    const { body } = await get(from.url, '/v1/recalled?group=g&seqs=1-9', await adminToken())
    return ((body['recalled'] ?? []) as { seq: number }[]).map(({ seq }) => seq)
  }
  const end = async (gateway: GatewayProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
    gateway.signal(signal)
    await gateway.exited
  }

  it('is refused to another app, and another Redis or prefix is warned of with how many recalls go there', async () => {
    const { REDIS_URL } = await redisOf()
    const DATA_DIR = folder()
    const first = await start({ REDIS_URL, DATA_DIR })
    for (const seq of [1, 2, 3]) await recall(first, seq)
    await end(first)
    expect(first.output()).not.to.include('used another')
    for (const settings of [{ REDIS_URL }, {}]) {
      const other = runGateway(['start'], {
        ...settings,
        DATA_DIR,
        SDK_APP_ID: '1400000001',
        WEBHOOK_TOKEN: 't',
        JWT_SECRET: 'j'.repeat(32),
        PORT: '0',
      })
      expect(await other.exited).to.equal(1)
      expect(other.output()).to.match(
        /START_FAILED.* belongs to the app 1400000000, and SDK_APP_ID is 1400000001/,
      )
    }
    const retry = runGateway(['quarantine', 'retry'], {
      DATA_DIR,
      SDK_APP_ID: '1400000001',
      WEBHOOK_TOKEN: 't',
    })
    expect(await retry.exited).to.equal(1)
    const staging = await start({ REDIS_URL, DATA_DIR, REDIS_PREFIX: 'staging' })
    expect(staging.output()).to.match(/"copied":3.*used another REDIS_URL or REDIS_PREFIX/)
    await end(staging)
    const again = await start({ REDIS_URL, DATA_DIR, REDIS_PREFIX: 'staging', SDK_APP_ID: APP })
    expect(again.output()).not.to.include('used another')
  })

  it('is warned of without Redis while recalls wait in it for Redis', async () => {
    const { REDIS_URL, operator } = await redisOf()
    const DATA_DIR = folder()
    const first = await start({ REDIS_URL, DATA_DIR })
    await operator.configSet('maxmemory', '1')
    for (const seq of [1, 2, 3]) await recall(first, seq)
    await end(first, 'SIGKILL')
    const without = await start({ DATA_DIR })
    const warning = /\d recalls wait in the spool of DATA_DIR for Redis/
    expect(without.output()).to.match(warning)
    expect((await get(without.url, '/readyz')).body['warnings']).to.match(warning)
    await end(without)
    await operator.configSet('maxmemory', '0')
    const again = await start({ REDIS_URL, DATA_DIR })
    await waitUntil('they are published', async () => (await recalled(again)).length === 3)
  })

  it('proves nothing about a copy of it that another process has', async () => {
    const { REDIS_URL, operator } = await redisOf()
    const [DATA_DIR, copy] = [folder(), join(folder(), 'copy')]
    const before = await start({ REDIS_URL, DATA_DIR })
    await recall(before, 1)
    await end(before)
    cpSync(DATA_DIR, copy, { recursive: true })
    const one = await start({ REDIS_URL, DATA_DIR })
    const other = await start({ REDIS_URL, DATA_DIR: copy })
    for (const seq of [2, 3]) await recall(one, seq)
    await recall(other, 4)
    await end(one, 'SIGKILL')
    await operator.flushAll()
    await waitUntil('the other has found it', async () => (await recalled(other)).includes(4))
    const restarted = await start({ REDIS_URL, DATA_DIR })
    await waitUntil('all are back', async () => (await recalled(restarted)).length === 4)
  })
})
