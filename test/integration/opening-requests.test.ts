import { expect } from 'chai'
import { MAX_OPENING_REQUESTS } from '../../shared/limits.ts'
import type { OpeningAnswer } from '../../shared/protocol.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const room = { group: 'g' }

describe('subscribe requests that come with the handshake', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess

  beforeEach(async () => {
    gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
  })

  const recall = (url: string, seq: number) =>
    postWebhook(url, { body: recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] }) })
  const open = async (auth: Readonly<Record<string, unknown>>): Promise<Client> => {
    const client = await connect(gateway.url, undefined, { auth: { token: await makeMember(), ...auth } })
    onCleanUp(client.close)
    return client
  }
  const makeMember = (): Promise<string> => makeToken({ rooms: [room, { group: 'other' }] })
  /** Connects, and collects the answers by index. */
  const collect = async (subscribe: readonly unknown[]) => {
    const client = await open({ subscribe })
    const answers = await waitUntil('all are answered', () => {
      const { length } = client.answers
      return length === subscribe.length && client.answers
    })
    const byIndex = answers.toSorted((one, other) => one.index - other.index)
    expect(byIndex.map(({ index }) => index)).to.deep.equal(subscribe.map((_, i) => i))
    return { client, answers: byIndex.map(({ answer }: OpeningAnswer) => answer) }
  }

  it('are answered one by one, after `hello`, and the socket is in the rooms', async () => {
    await recall(gateway.url, 1)
    const { client, answers } = await collect([room, { group: 'other' }])
    expect(client.hello().subscribing).to.equal(2)
    expect(answers[0]).to.deep.include({ ok: true, room, recovered: 0 })
    expect(answers[1]).to.deep.include({ ok: true, room: { group: 'other' }, recovered: 0 })
    await recall(gateway.url, 2)
    await client.count(1)
    expect(client.seqs()).to.deep.equal([2])
  })

  it('bring what was missed, or a gap, and then what is new', async () => {
    const before = await open({})
    const { position: since } = await before.subscribe(room)
    for (const seq of [1, 2]) await recall(gateway.url, seq)
    await before.count(2)
    const { client, answers } = await collect([{ ...room, since }])
    expect(answers[0]).to.include({ ok: true, recovered: 2 })
    await recall(gateway.url, 3)
    await client.count(3)
    expect(client.seqs()).to.deep.equal([1, 2, 3])
    const other = await collect([{ ...room, since: { epoch: 'other', offset: 1 } }])
    expect(other.answers[0]).to.include({ ok: true, gap: 'epoch-changed' })
  })

  it('are each refused by itself', async () => {
    const { client, answers } = await collect([
      { group: 'not-granted' },
      { group: 'g', unknown: 1 },
      null,
      room,
    ])
    const codes = answers.map((answer) => (answer.ok ? 'ok' : answer.code))
    expect(codes).to.deep.equal(['ROOM_REFUSED', 'REQUEST_MALFORMED', 'REQUEST_MALFORMED', 'ok'])
    await recall(gateway.url, 1)
    await client.count(1)
  })

  it('are served in order with those that follow, room by room', async () => {
    const { client, answers } = await collect([room, room, room])
    expect(answers.map(({ ok }) => ok)).to.deep.equal([true, true, true])
    await client.request(room, 'unsubscribe')
    await recall(gateway.url, 1)
    await client.subscribe(room)
    await recall(gateway.url, 2)
    await client.count(1)
    expect(client.seqs()).to.deep.equal([2])
  })

  it('are few, and a list', async () => {
    const token = await adminToken()
    const many = (count: number) => Array.from({ length: count }, (_, i) => ({ group: `g${i}` }))
    const full = await open({ token, subscribe: many(MAX_OPENING_REQUESTS) })
    expect(full.hello().subscribing).to.equal(MAX_OPENING_REQUESTS)
    for (const subscribe of [undefined, null, ''])
      expect((await open({ token, subscribe })).hello()).not.to.have.property('subscribing')
    expect((await open({ token, subscribe: [] })).hello().subscribing).to.equal(0)
    for (const subscribe of [many(MAX_OPENING_REQUESTS + 1), room, 'g', 0, false]) {
      const refusal = await open({ token, subscribe }).catch((error: unknown) => error)
      expect(refusal).to.deep.include({ data: { code: 'REQUEST_MALFORMED', retry: false } })
      expect(String(refusal)).to.include('subscribe must be a list of at most 32')
    }
  })

  it('are ignored in `refresh`', async () => {
    const client = await open({})
    const auth = { token: await makeMember(), subscribe: [room, 'nonsense'] }
    expect(await client.request(auth, 'refresh')).to.include({ ok: true })
    await recall(gateway.url, 1)
    await client.subscribe(room)
    expect(client.answers).to.deep.equal([])
    expect(client.received).to.deep.equal([])
  })
})
