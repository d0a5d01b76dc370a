import { expect } from 'chai'
import { pino } from 'pino'
import type { History } from '../../server/broker/log-reading.ts'
import { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { createPageReader } from '../../server/realtime/rooms/local-rooms.ts'
import { ReplayCache } from '../../server/realtime/rooms/prepared-event.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
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

/** A room at the offset `head` with an empty tail, as on a node that has just opened it. */
function createRoom(head: number): LocalRoom {
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
  room.position = since(head)
  return room
}

describe('clients that reconnect together', () => {
  it('share one read of the log while it is in flight, and the room remembers it', async () => {
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

  it('share a failed read only while it is in flight', async () => {
    let reads = 0
    const readPage = createPageReader({
      history: async () => {
        reads++
        throw new Error('unavailable')
      },
    })
    const room = createRoom(5)
    const outcomes = await Promise.allSettled([readPage(room, since(1)), readPage(room, since(1))])
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    await readPage(room, since(1)).catch(() => undefined)
    expect(reads).to.equal(2)
  })

  it('find only notices remembered that end at the position of the room, in its epoch', () => {
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

  it('share one encoding of the same missed notices, and each role has its own', () => {
    const replayCache = new ReplayCache()
    const run = notices(1, 3)
    const admin = replayCache.prepare('admin', ROOM, 'e', run)
    expect(replayCache.prepare('admin', ROOM, 'e', [...run])).to.equal(admin)
    expect(replayCache.prepare('admin', ROOM, 'e', run.slice(1))).to.not.equal(admin)
    // After a log was lost, the same offsets are other notices.
    expect(replayCache.prepare('admin', ROOM, 'e', notices(1, 3))).to.not.equal(admin)
    const member = replayCache.prepare('member', ROOM, 'e', run)
    expect(admin.packet).to.include('someone')
    expect(member.packet).to.not.include('someone')
  })
})
