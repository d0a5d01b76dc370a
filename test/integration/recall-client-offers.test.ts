import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import { MAX_REQUEST_BYTES } from '../../shared/limits.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startFakeGateway } from '../support/fake-gateway.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf, isLive, recorder } from '../support/recall-client.ts'
import { waitUntil } from '../support/wait.ts'

const room = { group: 'g' }
const other = { group: 'h' }
const ignore = (): void => undefined

describe('the subscribe requests of the client that go ahead with a handshake', () => {
  const onCleanUp = cleanUpAfterEach()
  fixRandom(0)

  const setUp = async (node: Parameters<typeof startFakeGateway>[1] = { takes: 32 }, token = 'x') => {
    const gateway = await startFakeGateway('/socket.io/', node)
    onCleanUp(gateway.stop)
    const client = createRecallClient({ url: gateway.url, auth: { token } })
    onCleanUp(() => client.close())
    return { gateway, client }
  }
  /** Holds the next handshake. Resolves once it is there, to what accepts it. */
  const holdHandshake = ({ io }: Awaited<ReturnType<typeof startFakeGateway>>) => {
    const held: (() => void)[] = []
    io.use((_, next) => (held.length > 0 ? next() : void held.push(next)))
    return () => waitUntil('the handshake', () => held[0])
  }

  it('are all that it asks when it comes, and when it comes back', async () => {
    const { gateway, client } = await setUp()
    const { seqs, listener, has } = recorder()
    client.subscribe(room, listener)
    client.subscribe(other, ignore)
    await isLive(client)
    const recovered = eventsOf(client, 'recovered')
    gateway.publish(room)
    await has(1)
    const since = gateway.position(room)
    gateway.cut()
    gateway.publish(room)
    await has(2)
    await isLive(client)
    gateway.publish(room)
    await has(3)
    expect(seqs).to.deep.equal([1, 2, 3])
    expect(recovered).to.deep.equal([{ room, count: 1 }])
    expect(gateway.offers).to.deep.equal([
      [room, other],
      [
        { ...room, since },
        { ...other, since: gateway.position(other) },
      ],
    ])
    expect(gateway.asked).to.deep.equal([])
  })

  for (const [name, node, asked] of [
    ['that does not know them', {}, [room, other]],
    ['of version 1, which says nothing', { hello: false }, [room, other]],
    ['that takes fewer', { takes: 1 }, [other]],
  ] as const)
    it(`are sent as usual to a node ${name}`, async () => {
      const { gateway, client } = await setUp(node)
      for (const each of [room, other]) client.subscribe(each, ignore)
      await isLive(client)
      expect(gateway.offers).to.deep.equal([[room, other]])
      expect(gateway.asked).to.deep.equal(asked)
    })

  it('are as many as a node takes, and the rest follows', async () => {
    const { gateway, client } = await setUp()
    const rooms = Array.from({ length: 40 }, (_, i) => ({ group: `g${i}` }))
    for (const each of rooms) client.subscribe(each, ignore)
    await isLive(client)
    expect([gateway.offers[0], gateway.asked]).to.deep.equal([rooms.slice(0, 32), rooms.slice(32)])
  })

  it('are as many as fit beside the credential', async () => {
    const token = 'x'.repeat(12_288)
    const { gateway, client } = await setUp({ takes: 32 }, token)
    const rooms = Array.from({ length: 32 }, (_, i) => ({
      c2c: ['é'.repeat(120), `${i}${'"'.repeat(150)}`] as const,
    }))
    for (const each of rooms) client.subscribe(each, ignore)
    await isLive(client)
    const [subscribe = []] = gateway.offers
    expect(subscribe).to.have.length.within(18, 22)
    const packet = `40${JSON.stringify({ token, protocolVersion: 2, subscribe })}`
    expect(Buffer.byteLength(packet)).to.be.within(MAX_REQUEST_BYTES - 800, MAX_REQUEST_BYTES)
    expect(gateway.asked).to.have.length(32 - subscribe.length)
  })

  it('do not keep a room that is left meanwhile', async () => {
    const { gateway, client } = await setUp()
    const handshake = holdHandshake(gateway)
    const left = client.subscribe(room, ignore)
    client.subscribe(other, ignore)
    const accept = await handshake()
    left.leave()
    accept()
    await isLive(client)
    await waitUntil('it is left', () => gateway.count(room) === 0 && gateway.count(other) === 1)
    expect(gateway.offers).to.deep.equal([[room, other]])
    expect(gateway.asked).to.deep.equal([])
  })

  it('say nothing about a room that is left and followed again meanwhile', async () => {
    const { gateway, client } = await setUp()
    for (let i = 0; i < 5; i++) gateway.publish(room)
    const since = { ...gateway.position(room), offset: 3 }
    const handshake = holdHandshake(gateway)
    const first = recorder()
    const left = client.subscribe(room, first.listener)
    const accept = await handshake()
    left.leave()
    const { seqs, listener, has } = recorder()
    client.subscribe(room, listener, { since })
    accept()
    await has(2)
    await isLive(client)
    gateway.publish(room)
    await has(3)
    expect(seqs).to.deep.equal([4, 5, 6])
    expect(first.seqs).to.deep.equal([])
    expect(gateway.asked).to.deep.equal([{ ...room, since }])
    expect(gateway.count(room)).to.equal(1)
  })

  it('are followed by another for a listener that comes meanwhile, and begins earlier', async () => {
    const { gateway, client } = await setUp()
    for (let i = 0; i < 5; i++) gateway.publish(room)
    const from = (offset: number) => ({ since: { ...gateway.position(room), offset } })
    const handshake = holdHandshake(gateway)
    const one = recorder()
    client.subscribe(room, one.listener, from(3))
    const accept = await handshake()
    const another = recorder()
    client.subscribe(room, another.listener, from(1))
    accept()
    await another.has(4)
    await one.has(2)
    await isLive(client)
    gateway.publish(room)
    await another.has(5)
    await one.has(3)
    expect([one.seqs, another.seqs]).to.deep.equal([
      [4, 5, 6],
      [2, 3, 4, 5, 6],
    ])
    expect(gateway.asked).to.deep.equal([{ ...room, ...from(1) }])
  })

  it('are told when they are refused, and made again', async () => {
    const { gateway, client } = await setUp()
    gateway.refuse(1)
    const refused = eventsOf(client, 'refused')
    client.subscribe(room, ignore)
    await isLive(client)
    expect(refused).to.deep.equal([{ room, code: 'BROKER_UNAVAILABLE', message: 'not now', retry: true }])
    expect(gateway.asked).to.deep.equal([room])
  })

  it('are forgotten with a handshake that fails', async () => {
    const { gateway, client } = await setUp()
    const handshake = holdHandshake(gateway)
    const left = client.subscribe(room, ignore)
    client.subscribe(other, ignore)
    await handshake()
    left.leave()
    client.connect()
    await isLive(client)
    expect(gateway.offers).to.deep.equal([[other]])
    expect(gateway.asked).to.deep.equal([])
    expect(gateway.count(room)).to.equal(0)
  })
})
