import { expect } from 'chai'
import { pino } from 'pino'
import type { Authorization } from '../../server/auth/authorization.ts'
import type { Principal } from '../../server/auth/principal.ts'
import type { Broker } from '../../server/broker/broker.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { TimerWheel } from '../../server/lib/timers.ts'
import { createPageReader, LocalRooms } from '../../server/realtime/rooms/local-rooms.ts'
import { Session } from '../../server/realtime/sessions/session.ts'
import { ADMIT_ALL } from '../support/admit-all.ts'
import { until } from '../support/wait.ts'
import { GatewayError, GOODBYES } from '../../shared/errors.ts'
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

interface Race {
  readonly timers?: TimerWheel
  readonly isOpen?: () => boolean
  readonly microtasks?: number
  readonly principal?: Principal
  readonly authorization?: Authorization
  /** What happens before the log is read. */
  readonly beforeRead?: () => Promise<void>
}

const ADMIN: Principal = { id: 'a', role: 'admin', grants: [], expiresAtMs: Number.MAX_SAFE_INTEGER }

/** A log with one notice, and a second one that comes as many microtasks after the room is read as the test asks for. */
function createRace({
  microtasks = 0,
  principal = ADMIN,
  authorization = ADMIT_ALL,
  timers = new TimerWheel(),
  isOpen = () => true,
  beforeRead,
}: Race) {
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
    newEpoch: async () => undefined,
    recalled: async () => [],
    announce: async () => undefined,
    heartbeat: async () => undefined,
    heartbeats: async () => [],
    historyBefore: async () => ({ notices: [], head: { epoch: 'e', offset: 0 } }),
    onAnnouncement: () => () => undefined,
    heads: async () => [{ epoch: 'e', offset: 1 }],
    async subscribe(_room, listener) {
      tellNotice = (notice, epoch) => listener.onNotice(notice, epoch)
      return { leave: () => undefined }
    },
    async history() {
      await beforeRead?.()
      void afterwards()
      return { notices: [noticeAt(1)], head: { epoch: 'e', offset: 1 } }
    },
  }
  const got: number[] = []
  const closed: number[] = []
  let isIn = false
  const rooms = new LocalRooms(
    { batchWindowMs: 0 },
    {
      broker,
      metrics,
      log,
      hub: {
        broadcast: (_room, _epoch, notices) =>
          void (isIn && got.push(...notices.map(({ offset }) => offset))),
        broadcastGap: () => undefined,
      },
    },
  )
  const session = new Session(
    principal,
    {
      isOpen,
      sendUnsubscribed: () => undefined,
      close: ({ code }) => void closed.push(code),
      sendGap: () => undefined,
      flushed: async () => undefined,
      join: () => void (isIn = true),
      leave: () => void (isIn = false),
      replay: (_room, _epoch, notices) => void got.push(...notices.map(({ offset }) => offset)),
    },
    { broker, authorization, timers, readPage: createPageReader(broker), metrics, log, rooms },
  )
  return { session, rooms, got, closed, isIn: () => isIn }
}

/** Counts what is set, and wakes nobody. */
class CountingTimers extends TimerWheel {
  count = 0

  override schedule(): void {
    this.count++
  }
}

describe('session', () => {
  for (let microtasks = 0; microtasks < 30; microtasks++) {
    it(`misses and doubles nothing when a notice comes ${microtasks} microtasks after the log was read`, async () => {
      const { session, rooms, got } = createRace({ microtasks })
      let answered: Subscribed | Refused | undefined
      await session.subscribe({ ...GROUP, since: { epoch: 'e', offset: 0 } }, (answer) => (answered = answer))
      // A turn of the event loop: by then the notice has come, whichever way.
      await new Promise((resolve) => setImmediate(resolve))
      expect(answered).to.include({ ok: true })
      expect(got).to.deep.equal([1, 2])
      rooms.closeAll()
    })
  }

  const member: Principal = { ...ADMIN, role: 'member' }
  /** Lets everybody in until `end` is called. */
  const createEnding = () => {
    let hasEnded = false
    const authorization: Authorization = {
      ...ADMIT_ALL,
      authenticate: async () => member,
      authorise: async ({ expiresAtMs }) => {
        if (hasEnded) throw new GatewayError('ROOM_REFUSED')
        return expiresAtMs
      },
    }
    return { authorization, end: () => (hasEnded = true) }
  }
  const ENDS: Readonly<Record<string, (session: Session) => Promise<void>>> = {
    'the membership ends': (session) => session.recheckGroup('g'),
    'another credential does not grant it': (session) => session.refresh({}, () => undefined),
  }
  for (const [what, tell] of Object.entries(ENDS)) {
    it(`does not enter a room when ${what} while it is on its way there`, async () => {
      const { authorization, end } = createEnding()
      const race = createRace({
        principal: member,
        authorization,
        beforeRead: async () => {
          end()
          await tell(race.session)
        },
      })
      let answered: Subscribed | Refused | undefined
      const ask = { ...GROUP, since: { epoch: 'e', offset: 0 } }
      await race.session.subscribe(ask, (answer) => (answered ??= answer))
      await new Promise((resolve) => setImmediate(resolve))
      expect(answered).to.include({ ok: false, code: 'ROOM_REFUSED' })
      expect(race.isIn()).to.equal(false)
      expect(race.got).to.be.empty
      race.rooms.closeAll()
    })
  }

  it('does not enter a room from now on when the membership ends before the room is open', async () => {
    const { authorization, end } = createEnding()
    const race = createRace({ principal: member, authorization })
    const answers: (Subscribed | Refused)[] = []
    const asked = race.session.subscribe(GROUP, (answer) => void answers.push(answer))
    // The room is authorised then, and not open yet.
    await Promise.resolve()
    await Promise.resolve()
    end()
    await race.session.recheckGroup('g')
    await asked
    expect(answers.map(({ ok }) => ok)).to.deep.equal([false])
    expect(race.isIn()).to.equal(false)
    race.rooms.closeAll()
  })

  it('can ask again for a room that it could not enter', async () => {
    let isAway = true
    const { session, rooms, isIn } = createRace({
      beforeRead: async () => {
        if (isAway) throw new GatewayError('BROKER_UNAVAILABLE')
      },
    })
    const answers: (Subscribed | Refused)[] = []
    const ask = { ...GROUP, since: { epoch: 'e', offset: 0 } }
    await session.subscribe(ask, (answer) => void answers.push(answer))
    isAway = false
    await session.subscribe(ask, (answer) => void answers.push(answer))
    expect(answers.map(({ ok }) => ok)).to.deep.equal([false, true])
    expect(isIn()).to.equal(true)
    rooms.closeAll()
  })

  it('that is gone sets no alarm any more, whatever is found out about it then', async () => {
    const timers = new CountingTimers()
    let isOpen = true
    let isFirst = true
    let tell = (): void => undefined
    const asked = new Promise<void>((resolve) => (tell = resolve))
    const authorization: Authorization = {
      ...ADMIT_ALL,
      authorise: async ({ expiresAtMs }) => {
        if (!isFirst) await asked
        isFirst = false
        return expiresAtMs
      },
    }
    const race = createRace({ timers, authorization, isOpen: () => isOpen })
    await race.session.subscribe(GROUP, () => undefined)
    const rechecked = race.session.recheckGroup('g')
    isOpen = false
    race.session.end()
    const before = timers.count
    tell()
    await rechecked
    expect(timers.count).to.equal(before)
    race.rooms.closeAll()
  })

  it('does not spin when the grant of a room ends while the socket subscribes to it again', async () => {
    const timers = new CountingTimers()
    let untilMs = Date.now() + 20
    const authorization: Authorization = { ...ADMIT_ALL, authorise: async () => untilMs }
    let spins = 0
    const race = createRace({
      timers,
      authorization,
      beforeRead: async () => {
        const before = timers.count
        for (let i = 0; i < 5; i++) race.session.onTimer()
        await new Promise((resolve) => setImmediate(resolve))
        spins = timers.count - before
      },
    })
    await race.session.subscribe(GROUP, () => undefined)
    await until('the grant has ended', () => Date.now() > untilMs)
    untilMs = Date.now() + 60_000
    await race.session.subscribe({ ...GROUP, since: { epoch: 'e', offset: 0 } }, () => undefined)
    // Each of the calls above finds that nothing has ended yet, and goes back to sleep.
    expect(spins).to.equal(5)
    expect(race.isIn()).to.equal(true)
    race.rooms.closeAll()
  })

  it('is closed when its credential ends while it is being found out what of its rooms has ended', async () => {
    const endsAtMs = Date.now() + 60
    const principal: Principal = { ...ADMIN, role: 'member', expiresAtMs: endsAtMs }
    let isFirst = true
    const authorization: Authorization = {
      ...ADMIT_ALL,
      authorise: () => {
        if (!isFirst) return new Promise<number>(() => undefined)
        isFirst = false
        return Promise.resolve(Date.now() + 20)
      },
    }
    const race = createRace({ principal, authorization })
    await race.session.subscribe(GROUP, () => undefined)
    await until('it is closed', () => race.closed.length > 0, 2_000)
    expect(race.closed[0]).to.equal(GOODBYES.CREDENTIAL_ENDED.code)
    race.rooms.closeAll()
  })
})
