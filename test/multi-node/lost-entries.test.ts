import { expect } from 'chai'
import { createClient } from 'redis'
import { adminToken, connect } from '../support/client.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** What a failover does to the log of a group: its latest entries were confirmed and are gone. */
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
    for (const seq of [1, 2, 3, 4]) await recall(sender, seq)
    await client.count(4)
    const operator = await createClient({ url: redis.url }).connect()
    onCleanUp(() => operator.destroy())
    const base = `recall-gateway:{${APP}}`
    return {
      redis,
      sender,
      node,
      client,
      operator,
      async loseAfter(offset: number) {
        const log = `${base}:log:group:g`
        await operator.xDel(log, ['3-0', '4-0'])
        await operator.sendCommand(['XSETID', log, `${offset}-0`])
        await operator.hSet(`${base}:head:group:g`, 'offset', offset)
      },
    }
  }

  it('gets another epoch and its sockets a gap, as soon as who published to it publishes again', async () => {
    const { sender, client, loseAfter } = await setUp()
    await loseAfter(2)
    await recall(sender, 5)
    const [gap] = await waitUntil('the gap', () => client.gaps.length > 0 && client.gaps)
    expect(gap?.reason).to.equal('epoch-changed')
    await recall(sender, 6)
    await waitUntil('what follows', () => client.seqs().includes(6))
    expect(client.position().epoch).to.equal(gap?.position.epoch)
  })

  it('gets another epoch and its sockets a gap, also when another process publishes to it first', async () => {
    const { redis, client, loseAfter } = await setUp()
    const stranger = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(stranger.stop)
    await loseAfter(2)
    await recall(stranger, 5)
    await waitUntil('the gap', () => client.gaps.length > 0)
    await recall(stranger, 6)
    await waitUntil('what follows', () => client.seqs().includes(6))
  })

  it('is found by a node that was cut off meanwhile, though the lost offsets are taken again', async () => {
    const { redis, node, client, operator, loseAfter } = await setUp()
    const stranger = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(stranger.stop)
    node.signal('SIGSTOP')
    await operator.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    await loseAfter(2)
    for (const seq of [5, 6, 7]) await recall(stranger, seq)
    node.signal('SIGCONT')
    await waitUntil('the gap', () => client.gaps.length > 0)
    await recall(stranger, 8)
    await waitUntil('what follows', () => client.seqs().includes(8))
  })
})
