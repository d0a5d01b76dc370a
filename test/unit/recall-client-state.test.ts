import { EventEmitter } from 'node:events'
import { expect } from 'chai'
import type { State } from '../../shared/client/api.ts'
import type { Connection } from '../../shared/client/connection.ts'
import { DeliveryDoubts } from '../../shared/client/delivery.ts'
import { States } from '../../shared/client/state.ts'
import type { RoomSummary } from '../../shared/client/room-summary.ts'

const g = { group: 'g' }
const h = { group: 'h' }
const refusal = { code: 'ROOM_REFUSED', message: 'no access to this room' }

describe('the state of a client', () => {
  const setUp = (rooms: RoomSummary[] = []) => {
    const socket = new EventEmitter()
    const states: { current?: States } = {}
    const connection = {
      isClosed: false,
      isConnected: true,
      refusal: undefined as unknown,
      failure: undefined as unknown,
      retryAtMs: undefined as number | undefined,
      delivery: new DeliveryDoubts(socket as never, {
        onProved: () => undefined,
        onChange: () => states.current?.update(),
      }),
    }
    states.current = new States(connection as unknown as Connection, () => rooms)
    const told: State[] = []
    states.current.client.on((state) => told.push(state))
    return { socket, connection, states: states.current, told, rooms }
  }

  it('is the worst that is true, in one order', () => {
    const { socket, connection, states, rooms } = setUp([{ room: g, state: 'live' }])
    const kind = (): string => states.client.current.kind
    expect(kind()).to.equal('live')
    rooms.push({ room: h, state: 'catching-up' })
    expect(kind()).to.equal('catching-up')
    rooms.push({ room: { group: 'i' }, state: 'loading' })
    expect(kind()).to.equal('loading')
    socket.emit('delivery', { proved: false, doubtMs: 4_000, reason: 'no proof' })
    expect(kind()).to.equal('stale')
    connection.isConnected = false
    expect(kind()).to.equal('connecting')
    connection.failure = { code: 'NO_ANSWER', reason: 'nothing answers' }
    connection.retryAtMs = 5
    expect(states.client.current).to.deep.include({ kind: 'offline', code: 'NO_ANSWER', retryAtMs: 5 })
    connection.refusal = { code: '4500', message: 'taken out' }
    expect(states.client.current).to.deep.include({ kind: 'refused', code: '4500', reason: 'taken out' })
    connection.isClosed = true
    expect(kind()).to.equal('closed')
  })

  it('is not live if every room is refused, and says why a room waits', () => {
    const { states, rooms } = setUp([{ room: g, state: 'refused', refusal }])
    expect(states.client.current).to.deep.include({ kind: 'refused', code: 'ROOM_REFUSED' })
    rooms.push({ room: h, state: 'live' })
    expect(states.client.current.kind).to.equal('live')
    rooms[1] = { room: h, state: 'catching-up', refusal: { code: 'MEMBERSHIP_UNKNOWN', message: 'not now' } }
    expect(states.client.current).to.deep.include({ kind: 'catching-up', code: 'MEMBERSHIP_UNKNOWN' })
  })

  it('has a reason as long as it is not live: of the rooms that are furthest from it, the one that knows most', () => {
    const { states, rooms } = setUp([{ room: g, state: 'catching-up' }])
    const reason = (): string | undefined => states.client.current.reason
    const said: unknown[] = [reason()]
    const next: Omit<RoomSummary, 'room'>[] = [
      { state: 'catching-up', reason: 'a listener failed' },
      { state: 'catching-up', reason: 'another failed' },
      { state: 'catching-up', refusal: { code: 'MEMBERSHIP_UNKNOWN', message: 'not now' } },
      { state: 'loading' },
      { state: 'loading', refusal: { code: 'MEMBERSHIP_UNKNOWN', message: 'later' } },
      { state: 'live' },
    ]
    for (const summary of next) {
      rooms.push({ room: h, ...summary })
      said.push(reason())
    }
    expect(said).to.deep.equal([
      'missed notices may still be on their way',
      'a listener failed',
      'a listener failed',
      'not now',
      '`load` has not returned yet',
      'later',
      'later',
    ])
    expect(states.client.current).to.include({ kind: 'loading', code: 'MEMBERSHIP_UNKNOWN' })
  })

  it('is stale since delivery was last proved, for the node and for a room independently', () => {
    const { socket, states, told, connection } = setUp([
      { room: g, state: 'live' },
      { room: h, state: 'live' },
    ])
    const feeds = [g, h].map((room) => states.follow(() => ({ room, state: 'live' })))
    const kinds = (): string[] => [states.client, ...feeds].map(({ current }) => current.kind)
    socket.emit('delivery', { proved: false, doubtMs: 60_000, reason: 'not caught up', rooms: [h] })
    expect(kinds()).to.deep.equal(['stale', 'live', 'stale'])
    expect(states.client.current.since).to.be.closeTo(Date.now() - 60_000, 1_000)
    socket.emit('delivery', { proved: false, doubtMs: 2_000, reason: 'no probe' })
    expect(kinds()).to.deep.equal(['stale', 'stale', 'stale'])
    expect(feeds[0]?.current.since).to.be.closeTo(Date.now() - 2_000, 1_000)
    socket.emit('delivery', { proved: true })
    expect(kinds()).to.deep.equal(['stale', 'live', 'stale'])
    connection.delivery.onSubscribed(h)
    states.update(h)
    expect(kinds()).to.deep.equal(['live', 'live', 'live'])
    socket.emit('delivery', { proved: false, doubtMs: 1, reason: 'no probe' })
    connection.delivery.clear()
    expect(kinds()).to.deep.equal(['live', 'live', 'live'])
    expect(told[0]).to.include({ kind: 'stale', previous: 'live', reason: 'not caught up' })
  })

  it('is stale for another reason since the same time', () => {
    const { socket, told } = setUp()
    socket.emit('delivery', { proved: false, doubtMs: 5_000, reason: 'no probe' })
    socket.emit('delivery', { proved: false, doubtMs: 4_000, reason: 'recalls are waiting' })
    expect(told.map(({ reason }) => reason)).to.deep.equal(['no probe', 'recalls are waiting'])
    expect(told[1]?.since).to.equal(told[0]?.since)
  })

  it('is told only when it changes, with the kind before', () => {
    const { connection, states, told } = setUp()
    states.update()
    expect(told).to.be.empty
    connection.isConnected = false
    connection.failure = { code: 'NO_ANSWER', reason: 'nothing answers' }
    for (let i = 0; i < 3; i++) states.update()
    connection.retryAtMs = 7
    for (let i = 0; i < 3; i++) states.update()
    connection.isConnected = true
    states.update()
    expect(told.map(({ kind, previous, retryAtMs }) => [kind, previous, retryAtMs])).to.deep.equal([
      ['offline', 'live', undefined],
      ['offline', 'live', 7],
      ['live', 'offline', undefined],
    ])
    expect(told[1]?.since).to.equal(told[0]?.since)
  })

  it('is told to no listener once it is outdated, nor twice, if a listener before changes it', () => {
    const { connection, states } = setUp()
    const told: string[] = []
    states.client.on(({ kind }) => {
      told.push(`first ${kind}`)
      if (kind !== 'connecting') return
      connection.isClosed = true
      states.update()
    })
    states.client.on(({ kind }) => told.push(`second ${kind}`))
    connection.isConnected = false
    states.update()
    expect(told).to.deep.equal(['first connecting', 'first closed', 'second closed'])
  })

  it('is closed once, last, and for good: also that of a subscription that was left', () => {
    const { connection, states, told } = setUp()
    const left = states.follow(() => ({ room: g, state: 'live' }))
    const kinds: string[] = []
    left.on(({ kind }) => kinds.push(kind))
    left.end()
    left.end()
    connection.isClosed = true
    states.update()
    connection.isClosed = false
    connection.isConnected = false
    states.update()
    expect([kinds, told.map(({ kind }) => kind), states.client.current.kind]).to.deep.equal([
      ['closed'],
      ['closed'],
      'closed',
    ])
  })
})
