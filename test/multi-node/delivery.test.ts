import { expect } from 'chai'
import { createClient } from 'redis'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** A client must not call itself live for longer, when a notice that was stored does not arrive. */
const DOUBT_MS = 3_000
const CURE_MS = 15_000

describe('sockets are told how delivery is', () => {
  const onCleanUp = cleanUpAfterEach()

  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const started = await startGatewayProcess(settings)
    onCleanUp(started.stop)
    return started
  }
  const subscribe = async (to: GatewayProcess, group = 'g'): Promise<Client> => {
    const client = await connect(to.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group })
    return client
  }
  const recall = async (to: GatewayProcess, seq: number): Promise<void> => {
    const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(to.url, { body })).status).to.equal(200)
  }
  const startRedisServer = async (): Promise<RedisServer> => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    return redis
  }
  const isInDoubt = ({ deliveries }: Client): boolean => deliveries.at(-1)?.proved === false
  /** Resolves once the client is told of a doubt. It must be within 3 s of `sinceMs`. */
  const doubt = async (client: Client, sinceMs: number) => {
    await waitUntil('delivery is in doubt', () => isInDoubt(client), DOUBT_MS + 1_000)
    const told = client.deliveries.at(-1)
    expect((told?.atMs ?? 0) - sinceMs).to.be.below(DOUBT_MS)
    return told
  }
  /** Resolves once delivery is proved again. All these notices must have come before, and none after. */
  const proof = async (client: Client, notices: number): Promise<void> => {
    await waitUntil('delivery is proved again', () => !isInDoubt(client), CURE_MS)
    expect(client.deliveries.at(-1)).to.deep.include({ proved: true, notices })
    expect(client.deliveries.at(-1)).to.not.have.property('rooms')
  }

  it('while Redis is frozen, and only then', async () => {
    const redis = await startRedisServer()
    const receiver = await start({ ROLE: 'receiver', REDIS_URL: redis.url })
    const node = await start({ ROLE: 'node', REDIS_URL: redis.url })
    const client = await subscribe(node)
    await recall(receiver, 1)
    await client.count(1)
    expect(client.deliveries).to.be.empty
    redis.signal('SIGSTOP')
    const frozenAtMs = performance.now()
    await recall(receiver, 2)
    const told = await doubt(client, frozenAtMs)
    expect(told)
      .to.have.property('reason')
      .that.matches(/^it is not proved/)
    expect(told)
      .to.have.property('doubtMs')
      .that.is.within(1_500, DOUBT_MS + 500)
    expect(await readMetric(node.url, 'delivery_in_doubt')).to.equal(1)
    const late = await connect(node.url, await adminToken())
    onCleanUp(late.close)
    await waitUntil('one that comes late is told', () => isInDoubt(late), 500)
    redis.signal('SIGCONT')
    await proof(client, 2)
    expect(client.deliveries.map(({ proved }) => proved)).to.deep.equal([false, true])
    expect(await readMetric(node.url, 'delivery_in_doubt')).to.equal(0)
  })
})
void createClient
void APP
void startTcpProxy
void temporaryFolder
