import { createClient } from 'redis'
import { expect } from 'chai'
import { adminToken, connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { RECALL_SAMPLES } from '../support/provider-samples.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const consecutive = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

let groups = 0

describe('three nodes on one Redis', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer
  let nodes: GatewayProcess[]
  let group: string

  before(async () => {
    redis = await startRedis()
    nodes = await Promise.all([1, 2, 3].map(() => startGatewayProcess({ REDIS_URL: redis.url })))
  })
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()))
    await redis.stop()
  })
  beforeEach(() => (group = `group-${++groups}`))

  const node = (i: number): GatewayProcess => {
    const found = nodes[i]
    if (found === undefined) throw new Error(`there is no node ${i}`)
    return found
  }
  const open = async (i: number, token = adminToken()): Promise<Client> => {
    const client = await connect(node(i).url, await token)
    onCleanUp(client.close)
    return client
  }
  const recall = async (i: number, seq: number) => {
    const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(node(i).url, { body })).status).to.equal(200)
  }

  it('deliver the documented recall once to group room, topic room and feed on every node, and a repeat to nobody', async () => {
    const body = RECALL_SAMPLES['of 2023, in a topic, with the time in digits']
    const rooms = [
      { group: body.GroupId },
      { group: body.GroupId, topic: body.TopicId },
      { feed: true } as const,
    ]
    const clients: Client[] = []
    for (const i of nodes.keys()) {
      for (const room of rooms) {
        const client = await open(i)
        await client.subscribe(room)
        clients.push(client)
      }
    }
    await postWebhook(node(0).url, { body })
    await postWebhook(node(1).url, { body })
    await postWebhook(node(2).url, { body: { ...body, MsgSeqList: [{ MsgSeq: 131 }] } })
    for (const client of clients) {
      await client.count(2)
      expect(client.seqs()).to.deep.equal([130, 131])
    }
  })

  it('deliver recalls received by any of them in the same order everywhere', async () => {
    const clients = await Promise.all(nodes.map((_, i) => open(i, makeToken({ rooms: [{ group }] }))))
    for (const client of clients) await client.subscribe({ group })
    await Promise.all(consecutive(300).map((seq) => recall(seq % 3, seq)))
    for (const client of clients) {
      await client.count(300)
      expect(client.received.map(({ notice }) => notice.offset)).to.deep.equal(consecutive(300))
    }
    const [first, ...others] = clients.map((client) => client.seqs())
    for (const other of others) expect(other).to.deep.equal(first)
  })

  it('separate rooms whose names look alike or have a special meaning elsewhere', async () => {
    const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join('')
    const names = [printable, '群🎉', '__proto__', '*', 'a*', 'a', 'A', ' a', 'a ', 'a:b', 'a%3Ab', 'feed']
    const granted = names.map((name) => ({ group: name, topic: name }))
    const clients = await Promise.all(
      granted.map(async (room, i) => {
        const client = await open(i % 3, makeToken({ rooms: [room] }))
        await client.subscribe(room)
        for (const other of granted) {
          const response = await client.request(other)
          expect(response.ok, `${room.group} requests ${other.group}`).to.equal(room === other)
        }
        return client
      }),
    )
    for (const [i, { group: GroupId }] of granted.entries()) {
      const body = recallBody({ GroupId, TopicId: GroupId, MsgSeqList: [{ MsgSeq: i + 1 }] })
      expect((await postWebhook(node(i % 3).url, { body })).status).to.equal(200)
    }
    for (const [i, client] of clients.entries()) {
      await client.count(1)
      expect(client.seqs()).to.deep.equal([i + 1])
      expect(client.received[0]?.notice).to.include(granted[i])
    }
  })

  it('let a socket resume at another node from its position', async () => {
    const here = await open(0)
    await here.subscribe({ group })
    await recall(0, 1)
    await here.count(1)
    here.close()
    await recall(1, 2)
    await recall(2, 3)
    const there = await open(1)
    expect(await there.subscribe({ group, since: here.position() })).to.include({ recovered: 2 })
    await recall(0, 4)
    await there.count(3)
    expect(there.seqs()).to.deep.equal([2, 3, 4])
  })

  it('let a socket resume at another node while the room receives recalls continuously', async () => {
    let stop = false
    let sent = 0
    const first = await open(0)
    const { position } = await first.subscribe({ group })
    first.close()
    const load = (async () => {
      while (!stop) await recall(sent % 3, ++sent)
    })()
    const seen: number[] = []
    let since = position
    for (let hop = 0; hop < 12; hop++) {
      const client = await open(hop % 3)
      await client.subscribe({ group, since })
      await waitUntil('a notice arrives', () => client.received.length > 0)
      client.close()
      seen.push(...client.received.map(({ notice }) => notice.offset))
      since = client.position()
    }
    stop = true
    await load
    expect(seen).to.deep.equal(consecutive(seen.length))
  })

  it('subscribe in Redis only for rooms that have sockets on them', async () => {
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())
    const subscribers = async (): Promise<number> => {
      const channel = (await admin.pubSubShardChannels()).find((name) => name.endsWith(`:group:${group}`))
      return channel === undefined ? 0 : ((await admin.pubSubShardNumSub([channel]))[channel] ?? 0)
    }
    const clients = [await open(0), await open(0), await open(2)]
    for (const client of clients) await client.subscribe({ group })
    expect(await subscribers()).to.equal(2)
    for (const client of clients) client.close()
    await waitUntil('both nodes have unsubscribed', async () => (await subscribers()) === 0)
  })

  it('send a gap when a log is lost, and continue', async () => {
    const client = await open(0)
    await client.subscribe({ group })
    await recall(1, 1)
    await client.count(1)
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())
    await admin.flushAll()
    await recall(1, 2)
    const [gap] = await waitUntil('the gap arrives', () => client.gaps.length > 0 && client.gaps)
    expect(gap).to.deep.include({ room: { group }, reason: 'epoch-changed' })
    await recall(2, 3)
    await waitUntil('the next notice arrives', () => client.seqs().includes(3))
    expect(client.position().epoch).to.equal(gap?.position.epoch)
  })

  it('disconnect a user on every node, and refuse the user on all of them, including one that starts later', async () => {
    const token = makeToken({ sub: `user of ${group}`, rooms: [{ group }] })
    const clients = await Promise.all(nodes.map((_, i) => open(i, token)))
    await postDisconnect(node(1).url, await adminToken(), { userId: `user of ${group}` })
    await waitUntil('all sockets are disconnected', () => clients.every(({ socket }) => !socket.connected))
    for (const { goodbyes } of clients) expect(goodbyes.map(({ code }) => code)).to.deep.equal([4500])
    const late = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(late.stop)
    for (const { url } of [...nodes, late]) {
      await waitUntil('the user is refused', () =>
        token
          .then((text) => connect(url, text))
          .then(
            ({ close }) => close(),
            ({ data }: { data?: { code?: string } }) => data?.code === 'USER_DISCONNECTED',
          ),
      )
    }
  })
})

describe('nodes whose Redis connections are killed', () => {
  const onCleanUp = cleanUpAfterEach()

  it('still deliver everything, once and in order', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const [sender, node] = await Promise.all([
      startGatewayProcess({ REDIS_URL: redis.url }),
      startGatewayProcess({ REDIS_URL: redis.url }),
    ])
    onCleanUp(sender.stop)
    onCleanUp(node.stop)
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())

    let acknowledged = 0
    for (let seq = 1; seq <= 60; seq++) {
      if (seq % 10 === 0) await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
      const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
      if ((await postWebhook(sender.url, { body })).status === 200) acknowledged++
    }
    expect(acknowledged).to.equal(60)
    await client.count(60)
    expect(client.received.map(({ notice }) => notice.offset)).to.deep.equal(consecutive(60))
    expect(client.gaps).to.be.empty
  })
})
