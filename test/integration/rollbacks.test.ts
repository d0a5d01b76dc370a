import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { createClient } from 'redis'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'
import { seqsOf } from '../support/seqs.ts'

const DESTROYED = 'Group.CallbackAfterGroupDestroyed'
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** Some seconds until the loss is found and everything is told again, and as much as a busy machine needs. */
const RETURN_TIMEOUT_MS = 30_000

describe('what Redis loses after it has confirmed it', () => {
  const onCleanUp = cleanUpAfterEach()

  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const started = await startGatewayProcess(settings)
    onCleanUp(started.stop)
    return started
  }
  const redisWith = async (options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> => {
    const redis = await startRedis(options)
    onCleanUp(redis.stop)
    return redis
  }
  const folder = (): string => {
    const { path, remove } = temporaryFolder()
    onCleanUp(remove)
    return path
  }
  const adminOf = async ({ url }: { readonly url: string }) => {
    const admin = createClient({ url })
    admin.on('error', () => undefined)
    await admin.connect()
    onCleanUp(() => admin.destroy())
    return admin
  }
  const follow = async (
    node: GatewayProcess,
    request: Parameters<Client['subscribe']>[0] = { group: 'g' },
  ) => {
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    return { client, answer: await client.subscribe(request) }
  }
  const recall = async (to: GatewayProcess, seqs: readonly number[], fields: object = {}): Promise<void> => {
    const post = async (seq: number) => {
      const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }], ...fields })
      expect((await postWebhook(to.url, { body })).status).to.equal(200)
    }
    await Promise.all(seqs.map(post))
  }
  const recalled = async (from: GatewayProcess, seqs: string, group = 'g'): Promise<number[]> => {
    const { body } = await get(from.url, `/v1/recalled?group=${group}&seqs=${seqs}`, await adminToken())
    return ((body['recalled'] ?? []) as { seq: number }[]).map(({ seq }) => seq)
  }
  const waitUntilRecalled = (from: GatewayProcess, seqs: readonly number[]) =>
    waitUntil(
      `${seqs.length} recalls are known`,
      async () => {
        const known = await recalled(from, `${Math.min(...seqs)}-${Math.max(...seqs)}`)
        return seqs.every((seq) => known.includes(seq))
      },
      RETURN_TIMEOUT_MS,
    )
  /** What a client was told since its latest gap. */
  const toldSinceGap = ({ received, gaps }: Client): number[] =>
    received
      .filter(({ epoch }) => epoch === gaps.at(-1)?.position.epoch)
      .flatMap(({ notice }) => seqsOf(notice.messages))
  const recovered = (receiver: GatewayProcess) => readMetric(receiver.url, 'recalls_recovered_total')

  it('returns by itself after FLUSHALL, and again if that happens while it returns, but not what ended with its group', async () => {
    const redis = await redisWith()
    const gateway = await start({ REDIS_URL: redis.url, HISTORY_SIZE: '4000' })
    const { client } = await follow(gateway)
    const operator = await adminOf(redis)
    const startMs = Date.now() - 60_000
    await recall(gateway, [1001], { GroupId: 'h', EventTime: startMs })
    const body = { CallbackCommand: DESTROYED, GroupId: 'h', EventTime: startMs + 1_000 }
    await postWebhook(gateway.url, { query: signedQuery(DESTROYED), body })
    await recall(gateway, range(1, 300))
    await client.count(300)
    const offline = { epoch: client.received.at(-1)?.epoch ?? '', offset: client.position().offset }

    await operator.flushAll()
    await waitUntil('some are back', async () => (await recalled(gateway, '1-300')).length > 0)
    await operator.flushAll()
    await waitUntilRecalled(gateway, range(1, 300))
    await waitUntil('all is told again after a gap', () => new Set(toldSinceGap(client)).size === 300)
    expect(toldSinceGap(client).toSorted((a, b) => a - b)).to.deep.equal(range(1, 300))
    expect(new Set(client.gaps.map(({ reason }) => reason))).to.deep.equal(new Set(['epoch-changed']))
    expect(await recalled(gateway, '1001', 'h')).to.deep.equal([])

    // One that returns with a position from before is told the same, once.
    const { client: returned, answer } = await follow(gateway, { group: 'g', since: offline })
    expect(answer).to.deep.include({ gap: 'epoch-changed', recovered: 300 })
    await returned.count(300)
    const { body: status } = await get(gateway.url, '/v1/status', await adminToken())
    expect(JSON.stringify(status)).to.match(
      /Redis lost \d+ recalls that it had confirmed, which were published again/,
    )
  })

  it('returns after a restart from an older state, to those who were there and those who were not, and nothing else does', async () => {
    const data = folder()
    const redis = await redisWith({ dataDir: join(data, 'new') })
    const settings = { ROLE: 'receiver', REDIS_URL: redis.url, DATA_DIR: folder() }
    const receiver = await start(settings)
    const node = await start({ ROLE: 'node', REDIS_URL: redis.url })
    const { client } = await follow(node)
    await recall(receiver, [1, 2])
    await client.count(2)
    // From here on, Redis has a marker that is later than these.
    const operator = await adminOf(redis)
    const [key = ''] = await operator.keys('*}:marker:*')
    const before = await operator.hVals(key)
    await waitUntil('the next marker', async () => String(await operator.hVals(key)) !== String(before))
    cpSync(join(data, 'new'), join(data, 'old'), { recursive: true })
    await recall(receiver, [3, 4, 5])
    await client.count(5)
    const offline = client.position()
    await redis.stop()
    await redisWith({ port: redis.port, dataDir: join(data, 'old') })
    await waitUntilRecalled(node, range(1, 5))
    await waitUntil('they are told after a gap', () => toldSinceGap(client).length === 3)
    expect(toldSinceGap(client).toSorted((a, b) => a - b)).to.deep.equal([3, 4, 5])
    const { client: returned, answer } = await follow(node, { group: 'g', since: offline })
    expect(answer.gap).to.equal('epoch-changed')
    await returned.count(3)
    await waitUntil('all are counted', async () => (await recovered(receiver)) === 3)

    // A receiver that starts again finds its marker, and publishes nothing.
    receiver.signal('SIGTERM')
    await receiver.exited
    const restarted = await start(settings)
    await recall(restarted, [6])
    await waitUntil('it is told', () => client.seqs().includes(6))
    expect(await recovered(restarted)).to.equal(0)
    expect(client.gaps).to.have.length(1)
  })

  it('returns after a failover without the latest writes, from each receiver', async () => {
    const master = await redisWith()
    const replica = await redisWith()
    const [ofMaster, ofReplica] = [await adminOf(master), await adminOf(replica)]
    const address = await startTcpProxy(master.port)
    onCleanUp(address.stop)
    const REDIS_URL = `redis://127.0.0.1:${address.port}`
    const receivers = await Promise.all([
      start({ ROLE: 'receiver', REDIS_URL }),
      start({ ROLE: 'receiver', REDIS_URL }),
    ])
    const node = await start({ ROLE: 'node', REDIS_URL })
    const { client } = await follow(node)
    await recall(receivers[0], [1])
    await client.count(1)
    await ofReplica.sendCommand(['REPLICAOF', '127.0.0.1', String(master.port)])
    const isInSync = async () => (await ofReplica.info('replication')).includes('master_link_status:up')
    await waitUntil('the replica has all', isInSync)
    expect(await ofMaster.wait(1, 10_000)).to.equal(1)
    await ofReplica.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    for (const seq of range(2, 9)) await recall(receivers[seq % 2] ?? receivers[0], [seq])
    await client.count(9)
    address.leadTo(replica.port)
    address.cut('RST')
    await waitUntilRecalled(node, range(1, 9))
    await waitUntil('all is told after a gap', () =>
      range(2, 9).every((seq) => toldSinceGap(client).includes(seq)),
    )
    await waitUntil('all are counted', async () =>
      (await Promise.all(receivers.map(recovered))).every((recalls) => recalls === 4),
    )
  })

  it('returns from the disk of a receiver that is killed as soon as it has answered', async () => {
    const redis = await redisWith()
    const settings = { ROLE: 'receiver', REDIS_URL: redis.url, DATA_DIR: folder() }
    const receiver = await start(settings)
    const node = await start({ ROLE: 'node', REDIS_URL: redis.url })
    const { client } = await follow(node)
    await recall(receiver, range(1, 20))
    receiver.signal('SIGKILL')
    await receiver.exited
    await client.count(20)
    await (await adminOf(redis)).flushAll()
    await start(settings)
    await waitUntilRecalled(node, range(1, 20))
    await waitUntil('all is told after a gap', () => new Set(toldSinceGap(client)).size === 20)
  })
})
