import { expect } from 'chai'
import { pino } from 'pino'
import type { History } from '../../server/broker/broker.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { ReplayCache } from '../../server/realtime/rooms/prepared-event.ts'
import { createPageReader } from '../../server/realtime/rooms/local-rooms.ts'
import type { Notice } from '../../shared/notice.ts'

const ROOM = { group: 'g' }
const notices = (from: number, to: number): Notice[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    offset: from + i,
    ...ROOM,
    messages: [{ seq: from + i }],
    recalledAtMs: 1,
    receivedAtMs: 1,
    operator: 'someone',
  }))
const since = (offset: number) => ({ epoch: 'e', offset })

/** A room that stands at `top` and remembers nothing, as on a node where it was just opened. */
function createRoom(top: number): LocalRoom {
  const room = new LocalRoom(
    ROOM,
    { batchWindowMs: 0 },
    {
      broker: {} as never,
      metrics: createMetrics(),
      log: pino({ level: 'silent' }),
      hub: { broadcast: () => undefined, broadcastGap: () => undefined },
    },
  )
  room.position = since(top)
  return room
}

describe('sockets that come back together', () => {
  it('share one read of the log while it is under way, and the room remembers it', async () => {
    let reads = 0
    const readPage = createPageReader({
      history: async (_room, { offset }): Promise<History> => {
        reads++
        return { notices: notices(offset + 1, 100), head: since(100) }
      },
    })
    const room = createRoom(100)
    const pages = await Promise.all(Array.from({ length: 50 }, () => readPage(room, since(10))))
    expect(reads).to.equal(1)
    expect(new Set(pages).size).to.equal(1)
    expect(room.tail.map(({ offset }) => offset)).to.deep.equal(notices(11, 100).map(({ offset }) => offset))
    await readPage(room, since(20))
    expect(reads).to.equal(2)
  })

  it('are not told of a failed read later than of their own', async () => {
    let reads = 0
    const readPage = createPageReader({
      history: async () => {
        reads++
        throw new Error('away')
      },
    })
    const room = createRoom(5)
    const outcomes = await Promise.allSettled([readPage(room, since(1)), readPage(room, since(1))])
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    await readPage(room, since(1)).catch(() => undefined)
    expect(reads).to.equal(2)
  })

  it('find nothing remembered that does not end where the room stands, or is of another epoch', () => {
    const room = createRoom(10)
    room.remember('e', notices(1, 9))
    room.remember('other', notices(1, 10))
    room.remember('e', notices(11, 12))
    room.remember('e', [])
    expect(room.tail).to.be.empty
    room.remember('e', notices(5, 12))
    expect(room.tail.map(({ offset }) => offset)).to.deep.equal([5, 6, 7, 8, 9, 10])
    room.remember('e', notices(1, 4))
    expect(room.tail[0]?.offset).to.equal(1)
  })

  it('find at most a hundred notices remembered', () => {
    const room = createRoom(250)
    room.remember('e', notices(1, 250))
    expect(room.tail).to.have.length(100)
    expect(room.tail[0]?.offset).to.equal(151)
  })

  it('are sent what they missed alike in one encoding, and each face its own', () => {
    const replayCache = new ReplayCache()
    const run = notices(1, 3)
    const admin = replayCache.prepare('admin', ROOM, 'e', run)
    expect(replayCache.prepare('admin', ROOM, 'e', [...run])).to.equal(admin)
    expect(replayCache.prepare('admin', ROOM, 'e', run.slice(1))).to.not.equal(admin)
    // The same offsets after the log was lost are other notices.
    expect(replayCache.prepare('admin', ROOM, 'e', notices(1, 3))).to.not.equal(admin)
    const member = replayCache.prepare('member', ROOM, 'e', run)
    expect(admin.packet).to.include('someone')
    expect(member.packet).to.not.include('someone')
  })
})
