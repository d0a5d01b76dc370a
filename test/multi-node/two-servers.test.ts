import { expect } from 'chai'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { isSince } from '../../server/broker/epoch-names.ts'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import type { Recall } from '../../shared/recall.ts'
import { APP } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startRedis } from '../support/redis-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'

const log = pino({ level: 'silent' })
const OPTIONS = { historySize: 10, historyTtlS: 60, prefix: 'test', app: APP }
const ROOM = { group: 'g' }
const RECALL: Recall = { ...ROOM, messages: [{ seq: 1 }], recalledAtMs: 1_000, receivedAtMs: 2_000 }

describe('a Redis broker whose recalls go to another server than its other commands', () => {
  const onCleanUp = cleanUpAfterEach()
  const start = async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    return redis
  }
  const connect = (port: number, waitReplicas = 0) => {
    const broker = createRedisBroker({ ...OPTIONS, url: `redis://127.0.0.1:${port}`, waitReplicas }, { log })
    onCleanUp(broker.stop)
    return broker
  }

  it('asks the one that has the recalls what is lost, and replaces epochs and ends groups there', async () => {
    const [former, present] = await Promise.all([start(), start()])
    const proxy = await startTcpProxy(former.port)
    onCleanUp(proxy.stop)
    const broker = connect(proxy.port, 1)
    await broker.start()
    const before = connect(former.port)
    await before.start()
    await before.publish(RECALL, 10_000)
    expect(await broker.lacks(RECALL)).to.equal(false)

    // As after a failover that only one of the connections has noticed.
    proxy.leadTo(present.port)
    const doubts = broker.doubts()
    const admin = new Redis(former.port)
    onCleanUp(() => admin.disconnect())
    const clients = String(await admin.client('LIST'))
    const [, id = ''] = /^id=(\d+) .*name=recall-gateway-recalls /m.exec(clients) ?? []
    await admin.client('KILL', 'ID', id)
    await waitUntil('the other connection leads to the new server', async () => {
      const servers = proxy.servers()
      return (
        servers.includes(present.port) &&
        broker.doubts() > doubts &&
        broker.lacks(RECALL).then(Boolean, () => false)
      )
    })
    expect(await broker.recalled(ROOM, [1]), 'the others lead to the former').to.have.length(1)

    const after = connect(present.port)
    await after.start()
    const [head] = await broker.publishedHeads([ROOM])
    expect(await after.heads([ROOM])).to.deep.equal([head])
    await broker.newEpoch(ROOM, head?.epoch ?? '', 0, '0123abc')
    expect((await after.heads([ROOM]))[0]?.epoch).to.satisfy((epoch: string) => isSince(epoch, '0123abc'))
    await broker.endGroup('g', 10_000)
    await after.publish(RECALL, 10_000)
    expect(await after.recalled(ROOM, [1])).to.deep.equal([])
  })
})
