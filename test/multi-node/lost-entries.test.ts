import { expect } from 'chai'
import { createClient } from 'redis'
import { adminToken, connect } from '../support/client.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** The effect of a failover on a group: the latest entries of its log were confirmed, and are lost. */
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
       * Continues with the data of a replica that received nothing after the second recall. Deleting the later entries
       * would not be the same: a stream remembers its last entry even when that is deleted.
       */
      async failOver() {
        const change = operator.multi()
        for (const key of keys) change.rename(inReplica(key), key)
        await change.exec()
      },
    }
  }

  it('gets a new epoch, and its sockets a gap, as soon as the process that published to it publishes again', async () => {
    const { sender, node, client, failOver } = await setUp()
    const before = client.position()
    await failOver()
    await recall(sender, 5)
    const [gap] = await waitUntil('the gap arrives', () => client.gaps.length > 0 && client.gaps)
    expect(gap?.reason).to.equal('epoch-changed')
    await recall(sender, 6)
    await waitUntil('the next notice arrives', () => client.seqs().includes(6))
    expect(client.position().epoch).to.equal(gap?.position.epoch)
    // A client that returns from before is told how many notices follow its gap.
    const late = await connect(node.url, await adminToken())
    onCleanUp(late.close)
    const answer = await late.subscribe({ group: 'g', since: before })
    expect(answer.gap).to.equal('epoch-changed')
    // Receivers may publish more of what was lost meanwhile.
    await waitUntil('what follows the gap arrives', () => late.seqs().length >= answer.recovered)
    expect(late.seqs()).to.include.members([5, 6])
  })

  it('gets a new epoch, and its sockets a gap, even when another process publishes to it first', async () => {
    const { redis, client, failOver } = await setUp()
    const otherSender = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(otherSender.stop)
    await failOver()
    await recall(otherSender, 5)
    await waitUntil('the gap arrives', () => client.gaps.length > 0)
    await recall(otherSender, 6)
    await waitUntil('the next notice arrives', () => client.seqs().includes(6))
  })

  it('is detected by a node that was disconnected meanwhile, although the lost offsets are used again', async () => {
    const { redis, node, client, operator, failOver } = await setUp()
    const otherSender = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(otherSender.stop)
    node.signal('SIGSTOP')
    await operator.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    await failOver()
    for (const seq of [5, 6, 7]) await recall(otherSender, seq)
    node.signal('SIGCONT')
    await waitUntil('the gap arrives', () => client.gaps.length > 0)
    await recall(otherSender, 8)
    await waitUntil('the next notice arrives', () => client.seqs().includes(8))
  })
})
