import { expect } from 'chai'
import { createClient } from 'redis'
import { adminToken, connect } from '../support/client.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** What a failover does to a group: the latest entries of its log were confirmed and are gone. */
describe('a log that lost its latest entries', () => {
  const onCleanUp = cleanUpAfterEach()

  const recall = async (to: GatewayProcess, seq: number) => {
    const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(to.url, { body })).status).to.equal(200)
  }

  const setUp = async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const processes = await Promise.all([1, 2].map(() => startGatewayProcess({ REDIS_URL: redis.url })))
    for (const { stop } of processes) onCleanUp(stop)
    const [sender, node] = processes
    if (sender === undefined || node === undefined) throw new Error('two processes were started')
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })
    const operator = await createClient({ url: redis.url }).connect()
    onCleanUp(() => operator.destroy())
    const keys = ['recalled', 'head', 'log'].map((kind) => `recall-gateway:{${APP}}:${kind}:group:g`)
    const inReplica = (key: string) => `${key}:in-replica`
    for (const seq of [1, 2]) await recall(sender, seq)
    for (const key of keys) await operator.copy(key, inReplica(key))
    for (const seq of [3, 4]) await recall(sender, seq)
    await client.count(4)
    return {
      redis,
      sender,
      node,
      client,
      operator,
      /**
       * Goes on with what a replica has that got nothing after the second recall: never more than two entries. Taking
       * the others out again is something else, as a stream remembers the last entry that was deleted.
       */
      async failOver() {
        const change = operator.multi()
        for (const key of keys) change.rename(inReplica(key), key)
        await change.exec()
      },
    }
  }

  it('gets another epoch and its sockets a gap, as soon as who published to it publishes again', async () => {
    const { sender, client, failOver } = await setUp()
    await failOver()
    await recall(sender, 5)
    const [gap] = await waitUntil('the gap', () => client.gaps.length > 0 && client.gaps)
    expect(gap?.reason).to.equal('epoch-changed')
    await recall(sender, 6)
    await waitUntil('what follows', () => client.seqs().includes(6))
    expect(client.position().epoch).to.equal(gap?.position.epoch)
  })

  it('gets another epoch and its sockets a gap, also when another process publishes to it first', async () => {
    const { redis, client, failOver } = await setUp()
    const stranger = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(stranger.stop)
    await failOver()
    await recall(stranger, 5)
    await waitUntil('the gap', () => client.gaps.length > 0)
    await recall(stranger, 6)
    await waitUntil('what follows', () => client.seqs().includes(6))
  })

  it('is found by a node that was cut off meanwhile, though the lost offsets are taken again', async () => {
    const { redis, node, client, operator, failOver } = await setUp()
    const stranger = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(stranger.stop)
    node.signal('SIGSTOP')
    await operator.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    await failOver()
    for (const seq of [5, 6, 7]) await recall(stranger, seq)
    node.signal('SIGCONT')
    await waitUntil('the gap', () => client.gaps.length > 0)
    await recall(stranger, 8)
    await waitUntil('what follows', () => client.seqs().includes(8))
  })
})
