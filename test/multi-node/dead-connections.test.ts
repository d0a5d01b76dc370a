import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf, isLive, openClient } from '../support/recall-client.ts'
import { startRedis } from '../support/redis-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const HEAL_TIMEOUT_MS = 30_000

/** After so many refusals in a row, a client waits for longer than this if nothing tells it that the node is well: for 7.9 s. */
const REFUSALS = 4
const BACKOFF_MS = 7_000

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
    expect(proxy.swallow({ sent: 'recall-gateway-subscriber' })).to.equal(1)
    redis.signal('SIGCONT')
    await waitUntil('the notices arrive', () => client.received.length === seqs.length, HEAL_TIMEOUT_MS)
    expect(client.seqs()).to.deep.equal(seqs)
    expect(client.gaps).to.be.empty
    await waitUntil('the node is ready', isReady, HEAL_TIMEOUT_MS)
  })

  it('for commands is detected and replaced, and the node is not ready meanwhile', async () => {
    const { proxy, client, recall, isReady, node } = await setUp()
    expect(proxy.swallow({ sent: 'recall-gateway-commands' })).to.equal(1)
    await waitUntil('the node is not ready', async () => !(await isReady()), HEAL_TIMEOUT_MS)
    await recall(1, node)
    await waitUntil('the node is ready again', isReady, HEAL_TIMEOUT_MS)
    await recall(2, node)
    await client.count(2)
    expect(client.seqs()).to.deep.equal([1, 2])
  })

  describe('for subscriptions, time after time,', () => {
    // Delays are as long as they may be.
    fixRandom(0.99)

    it('is over for clients soon after it is over, however long they were refused', async () => {
      const { proxy, node } = await setUp()
      const client = openClient(node.url)
      onCleanUp(() => client.close())
      const refused = eventsOf(client, 'refused')
      client.subscribe({ group: 'g' }, () => undefined)
      await isLive(client)
      proxy.swallowOnceSent('ssubscribe', 'to client')
      proxy.swallow({ sent: 'ssubscribe', direction: 'to client' })
      client.subscribe({ group: 'newcomer' }, () => undefined)
      await waitUntil('it was refused so often', () => refused.length === REFUSALS, 50_000)
      const refusedAtMs = performance.now()
      expect(refused.map(({ code }) => code)).to.deep.equal(Array(REFUSALS).fill('BROKER_UNAVAILABLE'))
      proxy.swallowOnceSent(undefined)
      proxy.cut()
      await waitUntil('all is live', () => client.state.kind === 'live', HEAL_TIMEOUT_MS)
      expect(performance.now() - refusedAtMs).to.be.below(BACKOFF_MS)
    })
  })
})
