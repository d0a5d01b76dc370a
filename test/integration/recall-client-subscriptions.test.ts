import { createConnection, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import type { AuthOption, ConnectionOptions, RecallClient, Subscription } from '../../shared/client.ts'
import type { Subscribed } from '../../shared/protocol.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { noticeAt, startFakeGateway } from '../support/fake-gateway.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf, isLive } from '../support/recall-client.ts'
import { waitUntil } from '../support/wait.ts'

const room = { group: 'g' }
const start = { epoch: 'e0', offset: 0 }

describe('a subscription of the client', () => {
  const onCleanUp = cleanUpAfterEach()
  // Without jitter, retries are immediate.
  fixRandom(0)

  const startGateway = async (path?: string) => {
    const gateway = await startFakeGateway(path)
    onCleanUp(gateway.stop)
    return gateway
  }
  const open = (
    url: string,
    options: Partial<ConnectionOptions & Pick<AuthOption, 'auth'>> = {},
  ): RecallClient => {
    const client = createRecallClient({ url, auth: { token: 'x' }, ...options })
    onCleanUp(() => client.close())
    return client
  }

  it('announces what its state has become: after a gap, and when listeners come and go', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    client.on('gap', () => undefined)
    client.on('error', () => undefined)
    const states = eventsOf(client, 'state')
    const says = async (kind: string): Promise<void> => {
      await waitUntil(`it announces ${kind}`, () => states.at(-1)?.kind === kind)
      expect(client.state.kind).to.equal(kind)
    }
    const fail = (): never => {
      throw new Error('cannot handle it')
    }
    client.subscribe(room, () => undefined)
    await says('live')
    for (let i = 0; i < 2; i++) {
      const told = states.length
      gateway.lose(room)
      await waitUntil('it has recovered', () => states.length >= told + 2)
      await says('live')
    }
    for (let i = 0; i < 2; i++) {
      const failing = client.subscribe(room, fail)
      gateway.publish(room)
      await says('catching-up')
      failing.leave()
      await says('live')
    }
  })

  it('outlives a gap behind the notice that makes it leave the room', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const gaps = eventsOf(client, 'gap')
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    let received = 0
    const subscription = client.subscribe(room, async () => {
      received++
      await released
    })
    await waitUntil('it is in the room', () => gateway.count(room) === 1)
    for (let i = 0; i < 5_000; i++) gateway.publish(room)
    gateway.lose(room)
    await waitUntil('it has left', () => gateway.count(room) === 0)
    expect(subscription.state.kind).to.equal('catching-up')
    expect(gaps).to.be.empty
    release()
    await waitUntil('it is back', () => gateway.count(room) === 1)
    await waitUntil('it is live', () => subscription.state.kind === 'live')
    expect(gaps).to.deep.equal([{ room, reason: 'epoch-changed', position: gateway.position(room) }])
    gateway.publish(room)
    await waitUntil('the next is delivered', () => received === 5_001)
  })

  it('asks again rather than move back when a gap says that what it received is missing', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const gaps = eventsOf(client, 'gap')
    const subscription = client.subscribe(room, () => undefined)
    await waitUntil('it is in the room', () => gateway.count(room) === 1)
    for (let i = 0; i < 3; i++) gateway.publish(room)
    await waitUntil('they are handled', () => subscription.position?.offset === 3)
    const position = { ...gateway.position(room), offset: 2 }
    gateway.io.to('group:g').emit('gap', { room, reason: 'trimmed', position })
    await waitUntil('it asks again', () => gateway.requests.length === 2)
    await waitUntil('it is live', () => subscription.state.kind === 'live')
    expect({ gaps, since: gateway.requests[1]?.since?.offset }).to.deep.equal({ gaps: [], since: 3 })
  })

  it('is over for good once its listener has left, whatever the rest of the batch needs', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const subscription: Subscription = client.subscribe(room, () => subscription.leave(), {
      since: gateway.position(room),
    })
    await waitUntil('it is in the room', () => gateway.count(room) === 1)
    const { epoch } = gateway.position(room)
    // A hole: a client that still follows the room subscribes again.
    gateway.io.to('group:g').emit('messages-recalled', { room, epoch, notices: [noticeAt(1), noticeAt(3)] })
    await waitUntil('it has left', () => gateway.count(room) === 0)
    client.subscribe({ group: 'other' }, () => undefined)
    await waitUntil('a later request is served', () => gateway.count({ group: 'other' }) === 1)
    expect(gateway.requests.map((request) => request.room)).to.deep.equal([room, { group: 'other' }])
  })

  it('is not refused by the end of an earlier one while its own request is under way', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const socket = await gateway.takeSocket()
    const refused = eventsOf(client, 'refused')
    let answer: (() => void) | undefined
    socket.on(
      'subscribe',
      (_, ack) => (answer = () => ack({ ok: true, room, position: start, recovered: 0 })),
    )
    const subscription = client.subscribe(room, () => undefined)
    const send = await waitUntil('it asks', () => answer)
    socket.emit('unsubscribed', { room, code: 'ROOM_REFUSED', message: '', retry: false })
    send()
    await waitUntil('it is live', () => subscription.state.kind === 'live')
    expect(refused).to.be.empty
  })

  it('takes no answer to the subscription that it replaces', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const socket = await gateway.takeSocket()
    const [gaps, recovered] = [eventsOf(client, 'gap'), eventsOf(client, 'recovered')]
    const acks: ((response: Subscribed) => void)[] = []
    socket.on('subscribe', (_, ack) => acks.push(ack))
    const first = client.subscribe(room, () => undefined, { since: start })
    await waitUntil('it asks', () => acks.length === 1)
    first.leave()
    const second = client.subscribe(room, () => undefined, { since: { ...start, offset: 5 } })
    await waitUntil('it asks again', () => acks.length === 2)
    acks[0]?.({ ok: true, room, position: { ...start, offset: 9 }, recovered: 0, gap: 'trimmed' })
    acks[1]?.({ ok: true, room, position: { ...start, offset: 5 }, recovered: 0 })
    await waitUntil('it is live', () => second.state.kind === 'live')
    expect([first.position?.offset, second.position?.offset]).to.deep.equal([0, 5])
    expect([gaps, recovered]).to.deep.equal([[], []])
  })

  it('takes what an earlier request brings, if it follows', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const socket = await gateway.takeSocket()
    const answers: (() => void)[] = []
    socket.on('subscribe', (_, ack) =>
      answers.push(() => ack({ ok: true, room, position: { ...start, offset: 2 }, recovered: 2 })),
    )
    const offsets: number[] = []
    client.subscribe(room, ({ offset }) => void offsets.push(offset), { since: start })
    await waitUntil('it asks', () => answers.length === 1)
    answers[0]?.()
    // A hole.
    socket.emit('messages-recalled', { room, epoch: start.epoch, notices: [noticeAt(2)] })
    await waitUntil('it asks again', () => answers.length === 2)
    const batch = { room, epoch: start.epoch, notices: [noticeAt(1), noticeAt(2)] }
    socket.emit('messages-recalled', batch)
    await waitUntil('they are delivered', () => offsets.length === 2)
    const recovered = eventsOf(client, 'recovered')
    answers[1]?.()
    socket.emit('messages-recalled', batch)
    await waitUntil('it is live', () => client.state.kind === 'live')
    expect({ offsets, recovered }).to.deep.equal({ offsets: [1, 2], recovered: [] })
  })

  it('is not refused for good because of a position that a node does not understand: that is a gap', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const socket = await gateway.takeSocket()
    const [gaps, refused] = [eventsOf(client, 'gap'), eventsOf(client, 'refused')]
    socket.on('subscribe', ({ since }, ack) => {
      if (since === undefined) ack({ ok: true, room, position: start, recovered: 0 })
      else ack({ ok: false, code: 'REQUEST_MALFORMED', message: 'since', retry: false })
    })
    const subscription = client.subscribe(room, () => undefined, { since: { ...start, offset: 5 } })
    await waitUntil('it is live', () => subscription.state.kind === 'live')
    expect(gaps).to.deep.equal([{ room, reason: 'position-unreadable', position: start }])
    expect({ refused, position: subscription.position }).to.deep.equal({ refused: [], position: start })
  })

  it('stays live while notices pass, but not if one waits for longer than a moment', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    let release = (): void => undefined
    let count = 0
    const subscription = client.subscribe(room, () => {
      // The first ones pass by themselves.
      if (++count <= 3) return delay(20)
      return new Promise<void>((resolve) => (release = resolve))
    })
    const states: string[] = []
    await waitUntil('it is live', () => client.state.kind === 'live')
    client.on('state', ({ kind }) => states.push(kind))
    subscription.on('state', ({ kind }) => states.push(`its own: ${kind}`))
    for (let i = 1; i <= 3; i++) {
      gateway.publish(room)
      await waitUntil('it is called', () => count === i)
      await delay(40)
    }
    expect(states).to.deep.equal([])
    gateway.publish(room)
    await waitUntil('it is late', () => states.length === 2)
    release()
    await waitUntil('it is live again', () => states.length === 4)
    expect(states.toSorted()).to.deep.equal(['catching-up', 'its own: catching-up', 'its own: live', 'live'])
  })

  it('goes on for the others while one of its listeners is too far behind, and returns for that one', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const offsets: { readonly fast: number[]; readonly slow: number[] } = { fast: [], slow: [] }
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    client.subscribe(room, ({ offset }) => void offsets.fast.push(offset))
    const slow = client.subscribe(room, async ({ offset }) => {
      await released
      offsets.slow.push(offset)
    })
    await waitUntil('it is in the room', () => gateway.count(room) === 1)
    for (let i = 0; i < 5_003; i++) gateway.publish(room)
    await waitUntil('the fast one has all', () => offsets.fast.length === 5_003)
    expect([gateway.count(room), gateway.requests.length]).to.deep.equal([1, 1])
    release()
    await waitUntil('the slow one has all', () => offsets.slow.length === 5_003)
    expect(offsets.slow).to.deep.equal(offsets.fast)
    expect(gateway.requests.map(({ since }) => since?.offset)).to.deep.equal([undefined, 5_000])
    await waitUntil('it is live', () => slow.state.kind === 'live')
  })

  it('waits for a frame that takes its time, and asks once', async () => {
    const BYTES_PER_S = 32_000
    const gateway = await startGateway()
    const throttle = createServer((client) => {
      const server = createConnection(gateway.port, '127.0.0.1')
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const)
        socket.on('error', () => undefined).on('close', () => other.destroy())
      client.pipe(server)
      let sent = Promise.resolve()
      server.on('data', (bytes) => {
        for (let i = 0; i < bytes.length; i += 1_000) {
          sent = sent.then(async () => {
            await delay((1_000 / BYTES_PER_S) * 1_000)
            client.write(bytes.subarray(i, i + 1_000))
          })
        }
      })
    }).listen(0, '127.0.0.1')
    onCleanUp(() => throttle.close())
    await waitUntil('it listens', () => throttle.listening)
    const client = open(`http://127.0.0.1:${(throttle.address() as AddressInfo).port}`)
    const socket = await gateway.takeSocket()
    let requests = 0
    const messages = Array.from({ length: 1_000 }, (_, i) => ({ seq: i + 1, id: `${i}`.padStart(160, '-') }))
    socket.on('subscribe', (_, ack) => {
      requests++
      ack({ ok: true, room, position: { ...start, offset: 1 }, recovered: 1 })
      socket.emit('messages-recalled', { room, epoch: 'e0', notices: [{ ...noticeAt(1), messages }] })
    })
    socket.on('recalled', (_, ack) => ack({ ok: true, recalled: [{ seq: 1, atMs: 1 }] }))
    const offsets: number[] = []
    client.subscribe(room, ({ offset }) => void offsets.push(offset), { since: start })
    await waitUntil('it asks', () => requests > 0)
    const askedAtMs = performance.now()
    // The answer is on its way behind the frame.
    expect(await client.isRecalled(room, 1)).to.equal(true)
    expect({ offsets, requests }).to.deep.equal({ offsets: [1], requests: 1 })
    expect(performance.now() - askedAtMs).to.be.above(5_000)
  })

  it('ends what it asked for together with the connection', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    const socket = await gateway.takeSocket()
    let isAsked = false
    socket.on('recalled', () => (isAsked = true))
    // The gateway knows of the connection first.
    await isLive(client)
    const failed = client.isRecalled(room, 1).catch((error: unknown) => error)
    await waitUntil('it is asked', () => isAsked)
    gateway.cut()
    expect(await failed).to.include({
      code: 'NO_ANSWER',
      retry: true,
      message: 'the gateway did not respond',
    })
    const early = await open(gateway.url)
      .isRecalled(room, 1)
      .catch((error: unknown) => error)
    expect(early).to.include({ code: 'NO_ANSWER', retry: true, message: 'not connected to the gateway' })
  })

  it('goes through a proxy that serves the gateway below a path', async () => {
    const gateway = await startGateway('/chat/recall/socket.io/')
    for (const path of ['/chat/recall', '/chat/recall/']) {
      const client = open(gateway.url + path)
      await waitUntil('it is live', () => client.state.kind === 'live')
    }
  })

  it('is never opened at an address that cannot work', () => {
    expect(() => open('not a url')).to.throw(TypeError, '`url` of a recall client has no https:// or http://')
    expect(() => createRecallClient({ auth: { token: 'x' } })).to.throw(TypeError, 'is missing')
  })

  it('cannot be sent what is no value of JSON, and the connection goes on', async () => {
    const gateway = await startGateway()
    const client = open(gateway.url)
    await waitUntil('it is live', () => client.state.kind === 'live')
    const seqs = [1n] as unknown as number[]
    const error: unknown = await client.recalled(room, seqs).catch((reason: unknown) => reason)
    expect(error).to.include({ name: 'RequestRefused', code: 'REQUEST_MALFORMED', retry: false })
  })

  describe('that is refused for now', () => {
    // Delays are as long as they may be: the second one takes 1.98 s.
    fixRandom(0.99)

    it('is not asked for sooner because the node proves that it delivers another room', async () => {
      const gateway = await startGateway()
      const client = open(gateway.url)
      client.subscribe({ group: 'h' }, () => undefined)
      await waitUntil('it is live', () => client.state.kind === 'live')
      const refused = eventsOf(client, 'refused')
      gateway.refuse(2)
      client.subscribe(room, () => undefined)
      await waitUntil('it is refused twice', () => refused.length === 2)
      const refusedAtMs = performance.now()
      gateway.io.emit('delivery', { proved: true, rooms: [{ group: 'h' }] })
      await waitUntil('it is subscribed', () => gateway.count(room) === 1)
      // Sooner if the node proves that it delivers everything: within a second.
      expect(performance.now() - refusedAtMs).to.be.above(1_500)
    })
  })
})
