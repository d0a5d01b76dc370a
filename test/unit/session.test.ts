import { expect } from 'chai'
import { pino } from 'pino'
import type { Broker } from '../../server/broker/broker.ts'
import { createMetrics } from '../../server/ops/metrics.ts'
import { Alarms } from '../../server/realtime/alarms.ts'
import { LocalRoom } from '../../server/realtime/local-room.ts'
import { LocalRooms } from '../../server/realtime/local-rooms.ts'
import { createOutbox } from '../../server/realtime/outbox.ts'
import { Session } from '../../server/realtime/session.ts'
import { ADMIT_ALL } from '../support/admit-all.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Refused, Subscribed } from '../../shared/protocol.ts'

const log = pino({ level: 'silent' })
const metrics = createMetrics()
const GROUP = { group: 'g' }
const noticeAt = (offset: number): Notice => ({
  offset,
  ...GROUP,
  messages: [{ seq: offset }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})

/** A log with one notice, and a second one that comes as many microtasks after the room is read as the test asks for. */
function createRace(microtasks: number) {
  let tellNotice: (notice: Notice, epoch: string) => void = () => undefined
  const afterwards = async (): Promise<void> => {
    for (let i = 0; i < microtasks; i++) await Promise.resolve()
    tellNotice(noticeAt(2), 'e')
  }
  const broker: Broker = {
    start: async () => undefined,
    stop: async () => undefined,
    isReady: () => true,
    probeAgeMs: () => 0,
    publish: async () => ({ duplicate: false, positions: [] }),
    renew: async () => undefined,
    recalled: async () => [],
    announce: async () => undefined,
    report: async () => undefined,
    reports: async () => [],
    earlier: async () => ({ notices: [], top: { epoch: 'e', offset: 0 } }),
    onAnnouncement: () => () => undefined,
    top: async () => [{ epoch: 'e', offset: 1 }],
    async subscribe(_room, listener) {
      tellNotice = (notice, epoch) => listener.onNotice(notice, epoch)
      return { leave: () => undefined }
    },
    async history() {
      void afterwards()
      return { notices: [noticeAt(1)], top: { epoch: 'e', offset: 1 } }
    },
  }
  const got: number[] = []
  let isIn = false
  const rooms = new LocalRooms(
    (room) =>
      new LocalRoom(room, {
        broker,
        metrics,
        log,
        outbox: createOutbox(
          { windowMs: 0 },
          (notices) => void (isIn && got.push(...notices.map(({ offset }) => offset))),
        ),
        tellGap: () => undefined,
      }),
  )
  const session = new Session(
    { id: 'a', role: 'admin', grants: [], expiresAtMs: Number.MAX_SAFE_INTEGER },
    {
      isOpen: () => true,
      tellUnsubscribed: () => undefined,
      close: () => undefined,
      tellGap: () => undefined,
      flushed: async () => undefined,
      join: () => void (isIn = true),
      leave: () => void (isIn = false),
      replay: (_room, _epoch, notices) => void got.push(...notices.map(({ offset }) => offset)),
    },
    {
      broker,
      admission: ADMIT_ALL,
      alarms: new Alarms(),
      readInTurn: (work) => work(),
      metrics,
      log,
      rooms,
    },
  )
  return { session, rooms, got }
}

describe('session', () => {
  for (let microtasks = 0; microtasks < 30; microtasks++) {
    it(`misses and doubles nothing when a notice comes ${microtasks} microtasks after the log was read`, async () => {
      const { session, rooms, got } = createRace(microtasks)
      let answered: Subscribed | Refused | undefined
      await session.subscribe({ ...GROUP, since: { epoch: 'e', offset: 0 } }, (answer) => (answered = answer))
      // A turn of the event loop: by then the notice has come, whichever way.
      await new Promise((resolve) => setImmediate(resolve))
      expect(answered).to.include({ ok: true })
      expect(got).to.deep.equal([1, 2])
      rooms.closeAll()
    })
  }
})
