import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Broker, RoomListener } from '../../server/broker/broker.ts'
import type { Excerpt, History, LogPart } from '../../server/broker/log-reading.ts'
import { historySince } from '../../server/broker/history.ts'
import { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

describe('local room', () => {
  const onCleanUp = cleanUpAfterEach()

  type RoomBroker = Pick<Broker, 'subscribe' | 'heads' | 'history' | 'excerpts' | 'newEpoch'>
  const noticeAt = (offset: number, seq = offset, recalledAtMs = 1): Notice => ({
    offset,
    group: 'g',
    messages: [{ seq }],
    recalledAtMs,
    receivedAtMs: recalledAtMs,
  })
  /** A log that a test writes. Counts how often it is read. */
  const writtenLog = (...written: Notice[]) => {
    const log = {
      epoch: 'e1',
      written,
      reads: 0,
      head: (): Position => ({ epoch: log.epoch, offset: log.written.length }),
      heads: async (): Promise<Position[]> => [log.head()],
      async history(_room: Room, since: Position, limit: number): Promise<History> {
        log.reads++
        return historySince(since, log.head(), log.written.slice(since.offset, since.offset + limit))
      },
      async newEpoch(_room: Room, old: string): Promise<void> {
        if (old === log.epoch) log.epoch += '+'
      },
    }
    return log
  }
  /** Opens a room on the log of a test. */
  const openRoom = async (log: Omit<RoomBroker, 'subscribe' | 'excerpts'> & Partial<RoomBroker>) => {
    let listener: RoomListener | undefined
    const excerptOf = async ({ room: of, first, last }: LogPart): Promise<Excerpt> => {
      const [head = { epoch: '', offset: 0 }] = await log.heads([of])
      const read = await log.history(
        of,
        { epoch: head.epoch, offset: first - 1 },
        Math.max(last - first + 1, 1),
      )
      return {
        head,
        entries: read.gap === undefined ? read.notices.filter(({ offset }) => offset <= last) : [],
      }
    }
    const broker: RoomBroker = {
      excerpts: async (parts) => await Promise.all(parts.map(excerptOf)),
      ...log,
      async subscribe(_room, roomListener) {
        listener = roomListener
        return { leave: () => undefined }
      },
    }
    const gaps: string[] = []
    const delivered: number[] = []
    const room = new LocalRoom(
      { group: 'g' },
      { batchWindowMs: 0 },
      {
        broker,
        metrics: createMetrics(),
        log: pino({ level: 'silent' }),
        hub: {
          broadcast: (_room, _epoch, notices) => {
            delivered.push(...notices.map(({ offset }) => offset))
            return undefined
          },
          broadcastGap: (_room, reason) => gaps.push(reason),
        },
      },
    )
    onCleanUp(() => room.close())
    await room.open()
    const hear = (notice: Notice, epoch: string) => listener?.onNotice(notice, epoch)
    return { room, gaps, delivered, hear, interrupt: () => listener?.onInterrupted() }
  }

  it('reads its log immediately when the subscription is back, however long reads have failed', async () => {
    const { random } = Math
    onCleanUp(() => (Math.random = random))
    // Maximum jitter.
    Math.random = () => 1
    let isUnavailable = false
    let failures = 0
    const { room, interrupt } = await openRoom({
      newEpoch: async () => undefined,
      heads: async () => [{ epoch: 'e', offset: 0 }],
      async history() {
        if (isUnavailable) {
          failures++
          throw new GatewayError('BROKER_UNAVAILABLE')
        }
        return { notices: [noticeAt(1)], head: { epoch: 'e', offset: 1 } }
      },
    })
    isUnavailable = true
    interrupt()
    await waitUntil('the next retry is 3.2 s away', () => failures === 6)
    isUnavailable = false
    interrupt()
    await waitUntil('the room has read its log', () => room.position.offset === 1, 1_000)
  })

  it('notices that entries were replaced although it has delivered none, wherever its position comes from', async () => {
    const log = writtenLog(noticeAt(1), noticeAt(2), noticeAt(3))
    const { room, gaps, delivered, interrupt } = await openRoom(log)
    await waitUntil('the entry at its position is read', () => log.reads === 1)
    for (const [i, first] of [100, 200].entries()) {
      // Each read of this broker takes a few microtasks.
      for (let turns = 0; turns < 5; turns++) await turn()
      // A failover lost entries, and others took their offsets, up to beyond the position of the room.
      log.written = [noticeAt(1), ...[2, 3, 4].map((offset) => noticeAt(offset, first + offset))]
      interrupt()
      await waitUntil('the gap', () => gaps.length === i + 1)
      await waitUntil('the end of the log', () => room.position.offset === 4)
      expect(room.position).to.deep.equal(log.head())
    }
    expect(gaps).to.deep.equal(['epoch-changed', 'epoch-changed'])
    // What the others wrote is new.
    expect(delivered).to.deep.equal([3, 4, 3, 4])
  })

  it('compares what it delivered with its log although that ends where it did, and reads nothing of one that is as known', async () => {
    const log = writtenLog(noticeAt(1))
    const { room, gaps, delivered, interrupt, hear } = await openRoom({
      ...log,
      excerpts: async ([part]) => [
        { head: log.head(), entries: log.written.slice((part?.first ?? 1) - 1, part?.last ?? 0) },
      ],
    })
    for (const offset of [2, 3]) {
      log.written.push(noticeAt(offset))
      hear(noticeAt(offset), log.epoch)
    }
    for (let times = 0; times < 3; times++) interrupt()
    for (let turns = 0; turns < 10; turns++) await turn()
    expect(log.reads, 'reads of a log that is as known').to.equal(0)
    // The last entry is the same, the one before it is not.
    log.written = [noticeAt(1), noticeAt(2, 100), noticeAt(3)]
    interrupt()
    await waitUntil('the gap', () => gaps.length === 1)
    await waitUntil('the end of the log', () => room.position.epoch === 'e1+' && room.position.offset === 3)
    expect(delivered).to.deep.equal([2, 3, 2, 3])
  })

  it('does not compare a new log with the entry of the one before, however late that was read', async () => {
    let head = { epoch: 'e1', offset: 3 }
    let written: Notice[] = []
    let answer: ((history: History) => void) | undefined
    const late = new Promise<History>((resolve) => (answer = resolve))
    const { room, gaps, delivered, interrupt } = await openRoom({
      heads: async () => [head],
      history: (_room, since, limit) =>
        since.epoch === 'e1' && since.offset === 2
          ? late
          : Promise.resolve(historySince(since, head, written.slice(since.offset, since.offset + limit))),
      newEpoch: async () => void (head = { ...head, epoch: 'e3' }),
    })
    head = { epoch: 'e2', offset: 0 }
    interrupt()
    await waitUntil('the room follows the new log', () => room.position.epoch === 'e2')
    answer?.({ notices: [noticeAt(3, 3, 1)], head: { epoch: 'e1', offset: 3 } })
    await turn()
    written = [1, 2, 3].map((offset) => noticeAt(offset, offset, 2))
    head = { epoch: 'e2', offset: 3 }
    interrupt()
    await waitUntil('the room has read the new log', () => room.position.offset === 3)
    expect(gaps).to.deep.equal(['epoch-changed'])
    expect(delivered).to.deep.equal([1, 2, 3])
  })

  it('lets a log that went back to an earlier epoch part with its beginning, of which nothing is known', async () => {
    let head = { epoch: 'e1', offset: 3 }
    const replaced: unknown[] = []
    const { room, interrupt } = await openRoom({
      heads: async () => [head],
      history: async (_room, since) => historySince(since, head, []),
      async newEpoch(_room, epoch, agreesUntil) {
        replaced.push([epoch, agreesUntil])
        head = { ...head, epoch: 'e3' }
      },
    })
    for (const epoch of ['e2', 'e1']) {
      head = { epoch, offset: 3 }
      interrupt()
      await waitUntil('the room has seen it', () => room.position.epoch !== (epoch === 'e2' ? 'e1' : 'e2'))
    }
    expect(replaced).to.deep.equal([['e1', 0]])
  })

  it('keeps nothing of those who have waited in vain for it to catch up', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    let isUnavailable = true
    const { room } = await openRoom({
      newEpoch: async () => undefined,
      heads: async () => [{ epoch: 'e', offset: 0 }],
      async history() {
        if (isUnavailable) throw new GatewayError('BROKER_UNAVAILABLE')
        return { notices: [], head: { epoch: 'e', offset: 0 } }
      },
    })
    const outcomes: boolean[] = []
    const waitInVain = (): WeakRef<Promise<boolean>> => {
      const waiting = room.catchUp(1)
      void waiting.then((hasCaughtUp) => outcomes.push(hasCaughtUp))
      return new WeakRef(waiting)
    }
    const waited = Array.from({ length: 100 }, waitInVain)
    await waitUntil('all have waited', () => outcomes.length === 100)
    expect(outcomes).not.to.include(true)
    await waitUntil('nothing remains of them', () => {
      collectGarbage()
      return waited.every((ref) => ref.deref() === undefined)
    })
    const last = room.catchUp(10_000)
    isUnavailable = false
    expect(await last).to.equal(true)
  })
})
