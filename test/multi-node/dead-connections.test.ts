import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const HEAL_TIMEOUT_MS = 15_000

/** The network between a node and Redis drops all packets, but closes no connection. */
describe('a half-open connection to Redis', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const proxy = await startTcpProxy(redis.port)
    onCleanUp(proxy.stop)
    const sender = await startGatewayProcess({ REDIS_URL: redis.url, HISTORY_SIZE: '100' })
    onCleanUp(sender.stop)
    const node = await startGatewayProcess({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` })
    onCleanUp(node.stop)
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })
    const recall = async (seq: number, to = sender) => {
      const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
      expect((await postWebhook(to.url, { body })).status).to.equal(200)
    }
    const isReady = async () => (await fetch(`${node.url}/readyz`)).status === 200
    return { redis, proxy, node, client, recall, isReady }
  }

  it('for subscriptions delays the spool when it holds more recalls than a log', async () => {
    const { redis, proxy, client, recall, isReady } = await setUp()
    redis.signal('SIGSTOP')
    const seqs = Array.from({ length: 300 }, (_, i) => i + 1)
    for (const seq of seqs) await recall(seq)
    expect(proxy.swallow({ sent: 'ssubscribe' })).to.equal(1)
    redis.signal('SIGCONT')
    await waitUntil('the notices arrive', () => client.received.length === seqs.length, HEAL_TIMEOUT_MS)
    expect(client.seqs()).to.deep.equal(seqs)
    expect(client.gaps).to.be.empty
    await waitUntil('the node is ready', isReady, HEAL_TIMEOUT_MS)
  })

  it('for commands is detected and replaced, and the node is not ready meanwhile', async () => {
    const { proxy, client, recall, isReady, node } = await setUp()
    expect(proxy.swallow({ sent: 'spublish' })).to.equal(1)
    await waitUntil('the node is not ready', async () => !(await isReady()), HEAL_TIMEOUT_MS)
    await recall(1, node)
    await waitUntil('the node is ready again', isReady, HEAL_TIMEOUT_MS)
    await recall(2, node)
    await client.count(2)
    expect(client.seqs()).to.deep.equal([1, 2])
  })
})
