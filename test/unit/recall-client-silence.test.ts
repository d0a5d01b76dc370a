import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import { expect } from 'chai'
import { FollowedRoom } from '../../shared/client/followed-room.ts'
import { Ledger } from '../../shared/client/ledger.ts'
import { Emitter } from '../../shared/client/listeners.ts'
import { memoryPositions } from '../../shared/client/position-store.ts'
import { Requests } from '../../shared/client/requests.ts'
import type { RecallSocket } from '../../shared/client/requests.ts'
import { RoomListener } from '../../shared/client/room-listener.ts'
import { Silence } from '../../shared/client/silence.ts'
import { SubscribeQueue } from '../../shared/client/subscribe-queue.ts'
import type { Subscribed } from '../../shared/protocol.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fixRandom } from '../support/random.ts'

const room = { group: 'g' }
const start = { epoch: 'e', offset: 0 }

describe('a node that is silent', () => {
  const onCleanUp = cleanUpAfterEach()
  fixRandom(0)
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] })
  })
  afterEach(() => {
    mock.timers.reset()
  })

  const setUp = () => {
    let nowMs = 0
    let sleptMs = 0
    const heard = new EventEmitter()
    const silence = new Silence({ steady: () => nowMs, wall: () => nowMs + sleptMs })
    silence.listenTo(heard)
    const pass = (ms: number): void => {
      for (let i = 0; i < ms; i += 500) {
        nowMs += 500
        mock.timers.tick(500)
      }
    }
    /** Timers and the steady clock stand still. */
    const sleep = (ms: number): void => void (sleptMs += ms)
    /** The process is too busy to look at its timers. */
    const block = (ms: number): void => void (nowMs += ms)
    return { heard, silence, pass, sleep, block }
  }
  /** A socket whose server is the test. */
  const connect = () => {
    const { heard, silence, pass } = setUp()
    const acks: ((response: unknown) => void)[] = []
    const socket = Object.assign(new EventEmitter(), { connected: true, sendBuffer: ['late'] })
    socket.emit = (_name, _request, ack?: (response: unknown) => void) => {
      if (ack) acks.push(ack)
      return true
    }
    const requests = new Requests(socket as unknown as RecallSocket, silence)
    onCleanUp(() => socket.removeAllListeners())
    return { heard, silence, pass, acks, socket, requests }
  }

  it('has sent nothing at all for 15 s', () => {
    const { heard, silence, pass } = setUp()
    let isSilent = false
    silence.watch(() => (isSilent = true))
    for (let i = 0; i < 3; i++) {
      pass(14_000)
      heard.emit('packet', { type: 'message' })
    }
    pass(14_500)
    expect(isSilent).to.equal(false)
    pass(500)
    expect(isSilent).to.equal(true)
  })

  it('or five heartbeats, while other rooms keep the connection busy', () => {
    const { heard, silence, pass } = setUp()
    let isSilent = false
    silence.watch(() => (isSilent = true))
    const isSilentAfter: boolean[] = []
    for (let i = 0; i < 6; i++) {
      for (let pings = [0, 0, 4, 0, 1, 0][i] ?? 0; pings > 0; pings--) heard.emit('packet', { type: 'ping' })
      heard.emit('packet', { type: 'message' })
      pass(14_500)
      isSilentAfter.push(isSilent)
    }
    expect(isSilentAfter).to.deep.equal([false, false, false, false, true, true])
  })

  it('is not waited for any more once it is cancelled', () => {
    const { silence, pass } = setUp()
    let isSilent = false
    silence.watch(() => (isSilent = true))()
    pass(60_000)
    expect(isSilent).to.equal(false)
  })

  it('on the whole connection is told once, after the time that the node has named', () => {
    const { heard, silence, pass } = setUp()
    let deaths = 0
    silence.guard(10_000, () => deaths++)
    for (const type of ['message', 'ping', 'noop']) {
      pass(9_500)
      heard.emit('packet', { type })
    }
    pass(9_500)
    expect(deaths).to.equal(0)
    pass(1_000)
    expect(deaths).to.equal(1)
    pass(60_000)
    expect(deaths).to.equal(1)
    silence.guard(10_000, () => deaths++)()
    pass(60_000)
    silence.check()
    expect(deaths).to.equal(1)
  })

  it('is noticed within a second after sleep, unless what came meanwhile is read then', () => {
    for (const isAlive of [false, true]) {
      const { heard, silence, pass, sleep } = setUp()
      let isDead = false
      silence.guard(10_000, () => (isDead = true))
      pass(1_000)
      silence.check()
      pass(2_000)
      sleep(3_600_000)
      for (let i = 0; i < 3; i++) silence.check()
      expect(isDead).to.equal(false)
      if (isAlive) heard.emit('packet', { type: 'message' })
      pass(1_000)
      expect(isDead).to.equal(!isAlive)
    }
  })

  it('is not believed of a process that was too busy to read', () => {
    const { heard, silence, pass, block } = setUp()
    let isDead = false
    silence.guard(10_000, () => (isDead = true))
    block(30_000)
    pass(10_000)
    expect(isDead).to.equal(false)
    heard.emit('packet', { type: 'ping' })
    pass(9_000)
    expect(isDead).to.equal(false)
  })

  it('is asked again: without an answer, and if the notices do not follow', () => {
    const { silence, pass, acks, socket, requests } = connect()
    const queue = new SubscribeQueue(
      socket as unknown as RecallSocket,
      requests,
      silence,
      (room_, response) => {
        if (response === undefined) return queue.replaceLater(room_)
        room_.enter(response as Subscribed)
        return queue.watch(room_)
      },
    )
    const followed = new FollowedRoom(room, new Ledger(memoryPositions(), 'group:g', () => undefined))
    const listener = new RoomListener({
      room,
      onNotice: () => undefined,
      load: undefined,
      handover: undefined,
      clientEvents: new Emitter(),
      onMoved: () => undefined,
      onDrained: () => undefined,
      onChange: () => undefined,
    })
    followed.add(listener, start, () => undefined)
    queue.add(followed)
    pass(16_000)
    expect(acks).to.have.length(2)
    acks[1]?.({ ok: true, room, position: { ...start, offset: 1 }, recovered: 1 })
    pass(16_000)
    expect(acks).to.have.length(3)
    acks[0]?.({ ok: true, room, position: start, recovered: 0 })
    expect(followed.isSubscribed).to.equal(false)
    acks[2]?.({ ok: true, room, position: start, recovered: 0 })
    expect(followed.summary().state).to.equal('live')
    pass(60_000)
    expect(acks).to.have.length(3)
  })

  it('leaves no request waiting, and none for the next connection', () => {
    const { pass, acks, socket, requests } = connect()
    const answers: unknown[] = []
    const send = (): void =>
      requests.send(
        (ack) => socket.emit('recalled', {}, ack),
        (answer) => answers.push(answer),
      )
    send()
    pass(16_000)
    acks[0]?.('too late')
    expect(answers).to.deep.equal([undefined])
    send()
    socket.connected = false
    for (const listener of socket.listeners('disconnect')) listener()
    send()
    expect(answers).to.deep.equal([undefined, undefined, undefined])
    expect([acks.length, socket.sendBuffer]).to.deep.equal([2, []])
  })
})
