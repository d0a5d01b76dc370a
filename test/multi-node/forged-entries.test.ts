import { createClient } from 'redis'
import { expect } from 'chai'
import type { Problem } from '../../shared/http-api.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const BASE = `recall-gateway:{${APP}}`
const KEY = 'k'.repeat(32)
const forged = (group: string, seq: number) =>
  JSON.stringify({ messages: [{ seq }], group, recalledAtMs: 1, receivedAtMs: 1, operator: 'mallory' })

/** An attacker who can write to Redis, but does not know REDIS_SIGNING_KEY. */
describe('an attacker who writes to Redis without the signing key', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async (settings: Readonly<Record<string, string>> = { REDIS_SIGNING_KEY: KEY }) => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const nodes = await Promise.all(
      [1, 2, 3].map(() => startGatewayProcess({ REDIS_URL: redis.url, ...settings })),
    )
    for (const { stop } of nodes) onCleanUp(stop)
    const clients = await Promise.all(
      nodes.map(async ({ url }) => {
        const client = await connect(url, await adminToken())
        onCleanUp(client.close)
        await client.subscribe({ group: 'g' })
        return client
      }),
    )
    const [sender] = nodes
    const recall = async (seq: number, group = 'g') => {
      const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }, { MsgSeq: seq + 1 }] })
      expect((await postWebhook(sender?.url ?? '', { body })).status).to.equal(200)
    }
    const attacker = await createClient({ url: redis.url }).connect()
    onCleanUp(() => attacker.destroy())
    const send = (...command: string[]) => attacker.sendCommand(command)
    return { clients, recall, send, nodes, redis }
  }

  it('cannot block recalls with values of another type', async () => {
    const { clients, recall, send } = await setUp({})
    await recall(1)
    await send('SET', `${BASE}:recalled:group:g`, 'x')
    await recall(3)
    for (const client of clients) {
      await waitUntil('the recall arrives', () => client.received.length === 2)
      expect(client.seqs()).to.deep.equal([1, 2, 3, 4])
    }
    for (const kind of ['head', 'log', 'recalled']) await send('SET', `${BASE}:${kind}:group:h`, 'x')
    await recall(5, 'h')
    expect(await send('XLEN', `${BASE}:log:group:h`)).to.equal(1)
    expect(await send('ZCARD', `${BASE}:recalled:group:h`)).to.equal(2)
  })

  it('cannot forge a live notice on any node, and does not prevent authentic ones', async () => {
    const { clients, recall, send } = await setUp()
    await recall(1)
    for (const client of clients) await client.count(1)
    const epoch = clients[0]?.position().epoch ?? ''
    const channel = `${BASE}:notices:group:g`
    const signature = 'a'.repeat(64)
    for (const entry of [forged('g', 666), `${signature}::${forged('g', 666)}`, `${signature}:0:x`, 'x']) {
      await send('SPUBLISH', channel, `${epoch}:2:${entry}`)
      await send('SPUBLISH', channel, `${epoch}:999999999999999:${entry}`)
      await send('SPUBLISH', channel, `other:1:${entry}`)
    }
    for (const seq of [3, 5, 7]) await recall(seq)
    for (const client of clients) {
      await waitUntil('the authentic notices arrive', () => client.received.length === 4)
      expect(client.seqs()).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8])
      expect(client.gaps).to.be.empty
    }
  })

  it('cannot add a notice to a log: sockets receive a gap', async () => {
    const { clients, recall, send } = await setUp()
    await recall(1)
    for (const client of clients) await client.count(1)
    await send('HINCRBY', `${BASE}:head:group:g`, 'offset', '1')
    await send('XADD', `${BASE}:log:group:g`, '2-0', 'r', forged('g', 666))
    await recall(3)
    for (const client of clients) {
      await waitUntil('the gap arrives', () => client.gaps.length > 0)
      expect(client.gaps[0]?.reason).to.equal('unreadable')
      expect(client.seqs()).to.not.include(666)
    }
  })

  it('cannot move a signed entry to another room', async () => {
    const { clients, recall, send } = await setUp()
    await recall(1, 'another')
    const log = (await send('XRANGE', `${BASE}:log:group:another`, '-', '+')) as unknown as [
      string,
      string[],
    ][]
    const entry = log[0]?.[1][1] ?? ''
    expect(entry).to.include('another')
    await send('SPUBLISH', `${BASE}:notices:group:g`, `x:1:${entry}`)
    await send('HSET', `${BASE}:head:group:g`, 'offset', '1')
    await send('XADD', `${BASE}:log:group:g`, '1-0', 'r', entry)
    await recall(3)
    for (const client of clients) {
      await waitUntil('the gap arrives', () => client.gaps.length > 0)
      expect(client.seqs()).to.not.include(1)
    }
  })

  it('cannot send announcements', async () => {
    const { clients, send, nodes } = await setUp()
    const text = JSON.stringify({ kind: 'revoked', userId: 'admin-1', untilMs: Date.now() + 60_000 })
    for (const one of [text, `${'a'.repeat(64)}::${text}`]) {
      await send('XADD', `${BASE}:announcements:revocations`, '*', 't', one)
      await send('SPUBLISH', `${BASE}:notices:announcements:revocations`, 'look')
    }
    await waitUntil('the forged announcement is noticed', () =>
      nodes.every(({ output }) => output().includes('without a valid signature')),
    )
    for (const { socket } of clients) expect(socket.connected).to.equal(true)
  })

  it('succeeds without a configured key', async () => {
    const { clients, recall, send } = await setUp({})
    await recall(1)
    for (const client of clients) await client.count(1)
    const epoch = clients[0]?.position().epoch ?? ''
    await send('SPUBLISH', `${BASE}:notices:group:g`, `${epoch}:2:${forged('g', 666)}`)
    for (const client of clients)
      await waitUntil('the forged notice arrives', () => client.seqs().includes(666))
  })
})

describe('signing keys', () => {
  const onCleanUp = cleanUpAfterEach()

  it('can be rotated: the first one signs, all of them verify', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const start = async (keys: string) => {
      const gateway = await startGatewayProcess({ REDIS_URL: redis.url, REDIS_SIGNING_KEY: keys })
      onCleanUp(gateway.stop)
      const client = await connect(gateway.url, await makeToken({ role: 'admin' }))
      onCleanUp(client.close)
      return { ...gateway, client }
    }
    const [old, both] = [await start(KEY), await start(`${'n'.repeat(32)},${KEY}`)]
    const { position } = await both.client.subscribe({ group: 'g' })
    const body = (seqs: readonly number[]) =>
      recallBody({ GroupId: 'g', MsgSeqList: seqs.map((MsgSeq) => ({ MsgSeq })) })
    await postWebhook(old.url, { body: body([1]) })
    await both.client.count(1)
    // A part of it is known. The entry stays signed as a whole, and only the rest is delivered.
    await postWebhook(both.url, { body: body([1, 2]) })
    await both.client.count(2)
    expect(both.client.seqs()).to.deep.equal([1, 2])
    const late = await start('n'.repeat(32))
    expect(await late.client.request({ group: 'g', since: position })).to.include({ gap: 'unreadable' })
  })

  it('that differ are problems in the status of the node, before a recall and after, though delivery is proved', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const [other, node] = [
      await startGatewayProcess({ REDIS_URL: redis.url, REDIS_SIGNING_KEY: KEY }),
      await startGatewayProcess({ REDIS_URL: redis.url, REDIS_SIGNING_KEY: 'n'.repeat(32) }),
    ]
    onCleanUp(other.stop)
    onCleanUp(node.stop)
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })
    const problems = async () => {
      const { body } = await get(node.url, '/v1/status', await adminToken())
      return (body['problems'] as readonly Problem[])
        .filter(({ code }) => code !== 'BROKER_WARNING')
        .map(({ code, severity }) => `${severity} ${code}`)
    }
    const says = (...all: readonly string[]) =>
      waitUntil(all.join(), async () => (await problems()).join() === all.join())
    await says('warning STATUS_INCOMPLETE')
    await postWebhook(other.url, { body: recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: 1 }] }) })
    await waitUntil('the gap', () => client.gaps.length > 0)
    expect(client.gaps[0]).to.include({ reason: 'unreadable' })
    await says('critical ENTRIES_UNREADABLE', 'warning STATUS_INCOMPLETE')
  })

  // What the runbook says: processes are restarted one after the other, so each must read what those of the next step sign.
  const NEW = 'n'.repeat(32)
  const STEPS = [
    ['a key that is new to receivers', '', KEY],
    ['a new key that every process knows', `${KEY},${NEW}`, `${NEW},${KEY}`],
  ] as const
  for (const [what, before, after] of STEPS)
    it(`signs with ${what}, without a gap at nodes that do not yet`, async () => {
      const redis = await startRedis()
      onCleanUp(redis.stop)
      const start = (ROLE: string, REDIS_SIGNING_KEY: string) =>
        startGatewayProcess({ ROLE, REDIS_URL: redis.url, REDIS_SIGNING_KEY })
      const processes = [await start('receiver', after), await start('node', before)] as const
      for (const { stop } of processes) onCleanUp(stop)
      const [receiver, node] = processes
      const client = await connect(node.url, await adminToken())
      onCleanUp(client.close)
      const { position } = await client.subscribe({ group: 'g' })
      for (const MsgSeq of [1, 2])
        await postWebhook(receiver.url, { body: recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq }] }) })
      await client.count(2)
      expect(client.seqs()).to.deep.equal([1, 2])
      expect(await client.request({ group: 'g', since: position })).to.not.have.property('gap')
    })
})
