import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import type { Refused, Subscribed } from '../../shared/protocol.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { noticeAt, startFakeGateway } from '../support/fake-gateway.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf } from '../support/recall-client.ts'
import { waitUntil } from '../support/wait.ts'

const room = { group: 'g' }
const epoch = 'e0'
const at = (offset: number) => ({ epoch, offset })
const ok = (offset: number, recovered = 0): Subscribed => ({
  ok: true,
  room,
  position: at(offset),
  recovered,
})
const refused = (code: 'BROKER_UNAVAILABLE' | 'ROOM_REFUSED', retry: boolean): Refused => ({
  ok: false,
  code,
  message: 'no',
  retry,
})

describe('a request of the client for a room', () => {
  const onCleanUp = cleanUpAfterEach()
  // The first retry follows after 100 ms.
  fixRandom(0.1)

  const setUp = async () => {
    const gateway = await startFakeGateway()
    onCleanUp(gateway.stop)
    let asked = 0
    const getToken = (): string => {
      const claims = Buffer.from(JSON.stringify({ sub: 'u', iat: ++asked })).toString('base64url')
      return `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${claims}.s`
    }
    const client = createRecallClient({ url: gateway.url, getToken })
    onCleanUp(() => client.close())
    const socket = await gateway.takeSocket()
    const answers: ((response: Subscribed | Refused) => void)[] = []
    socket.on('subscribe', (_, ack) => answers.push(ack))
    /** Answers each request once it is there. */
    const answer = async (index: number, response: Subscribed | Refused) =>
      (await waitUntil(`request ${index}`, () => answers[index]))(response)
    const publish = (offset: number): void =>
      void socket.emit('messages-recalled', { room, epoch, notices: [noticeAt(offset)] })
    return { client, socket, answer, answers, publish }
  }

  it('that is refused for now is made again, although notices arrive meanwhile', async () => {
    const { client, answer, publish } = await setUp()
    const first = client.subscribe(room, () => undefined)
    await answer(0, ok(1))
    await waitUntil('it is live', () => first.state.kind === 'live')
    const gaps = eventsOf(client, 'gap')
    // The log may have lost what it had.
    const second = client.subscribe(room, () => undefined, { since: at(5) })
    expect(second.state.kind, 'no node knows that position').to.equal('catching-up')
    await answer(1, refused('BROKER_UNAVAILABLE', true))
    publish(2)
    await waitUntil('it is delivered', () => first.position?.offset === 2)
    expect(second.state).to.include({ kind: 'catching-up', code: 'BROKER_UNAVAILABLE' })
    await answer(2, { ...ok(2), gap: 'epoch-changed' })
    await waitUntil('both are live', () => client.state.kind === 'live' && second.state.kind === 'live')
    expect(gaps).to.deep.equal([{ room, reason: 'epoch-changed', position: at(2) }])
  })

  it('brings what an earlier subscription had on its way, so that nobody is told it twice', async () => {
    const { client, socket, answer, publish } = await setUp()
    const other = { group: 'other' }
    let isPast = false
    client.subscribe(other, () => (isPast = true))
    await answer(0, { ...ok(0), room: other })
    const offsets: number[] = []
    const listen = () => client.subscribe(room, ({ offset }) => void offsets.push(offset))
    const first = listen()
    await answer(1, ok(0))
    await waitUntil('it is live', () => client.state.kind === 'live')
    first.leave()
    const second = listen()
    // On its way since before it left.
    publish(1)
    socket.emit('messages-recalled', { room: other, epoch, notices: [noticeAt(1)] })
    await waitUntil('it has come', () => isPast)
    second.leave()
    const third = listen()
    await answer(2, ok(1, 1))
    await answer(3, ok(1, 1))
    publish(1)
    publish(2)
    await waitUntil('it is delivered', () => third.position?.offset === 2)
    expect(offsets).to.deep.equal([1, 2])
  })

  it('begins where the client was, if all that came since is left to a load that has not returned', async () => {
    const { client, answer, answers, publish } = await setUp()
    const first = client.subscribe(room, () => undefined)
    await answer(0, ok(0))
    await waitUntil('it is live', () => first.state.kind === 'live')
    first.leave()
    let isLoading = false
    const load = () => {
      isLoading = true
      return new Promise(() => undefined)
    }
    const loading = client.subscribe(room, () => undefined, { load })
    await answer(1, ok(1))
    await waitUntil('it loads', () => isLoading)
    const offsets: number[] = []
    client.subscribe(room, ({ offset }) => void offsets.push(offset))
    loading.leave()
    await waitUntil('it asks', () => answers.length === 3)
    await answer(2, ok(1, 1))
    publish(1)
    await waitUntil('it is told', () => offsets.length === 1)
    await waitUntil('it is live', () => client.state.kind === 'live')
  })

  it('that the credential did not allow is made again when it is refreshed, and is told once', async () => {
    const { client, socket, answer } = await setUp()
    const told = eventsOf(client, 'refused')
    socket.on('refresh', (_, ack) => ack({ ok: true, expiresAtMs: 0, expiresInMs: 1_500 }))
    socket.emit('hello', { expiresInMs: 1_500, silenceMs: 60_000, protocolVersion: 2 })
    const subscription = client.subscribe(room, () => undefined)
    await answer(0, refused('ROOM_REFUSED', false))
    await waitUntil('it is refused', () => client.state.kind === 'refused')
    const states = eventsOf(client, 'state')
    await answer(1, refused('ROOM_REFUSED', false))
    await answer(2, ok(0))
    await waitUntil('it is live', () => subscription.state.kind === 'live')
    expect(states.map(({ kind }) => kind)).to.deep.equal(['live'])
    expect(told).to.have.lengthOf(1)
  })
})
