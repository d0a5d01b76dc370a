import { expect } from 'chai'
import { pino } from 'pino'
import type { Authorization } from '../../server/auth/authorization.ts'
import type { Principal } from '../../server/auth/principal.ts'
import type { Broker } from '../../server/broker/broker.ts'
import { TimerWheel } from '../../server/lib/timers.ts'
import { RequestTurns } from '../../server/lib/request-turns.ts'
import { createPageReader, LocalRooms } from '../../server/realtime/rooms/local-rooms.ts'
import { Session } from '../../server/realtime/sessions/session.ts'
import { UserBudgets } from '../../server/realtime/sessions/user-budgets.ts'
import { createRefusals } from '../../server/telemetry/refusals.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { GatewayError, GOODBYES } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { RecalledResponse, Refused, Subscribed, Unsubscribed } from '../../shared/protocol.ts'
import { ALLOW_ALL } from '../support/allow-all.ts'
import { IDLE_BROKER } from '../support/idle-broker.ts'
import { waitUntil } from '../support/wait.ts'

const log = pino({ level: 'silent' })
const metrics = createMetrics()
const refusals = createRefusals(metrics, log)
const GROUP = { group: 'g' }
const doubtOf = () => undefined
const noticeAt = (offset: number): Notice => ({
  offset,
  ...GROUP,
  messages: [{ seq: offset }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})

interface Race {
  readonly timers?: TimerWheel
  readonly userBudgets?: UserBudgets
  readonly turns?: RequestTurns
  readonly isOpen?: () => boolean
  readonly microtasks?: number
  readonly principal?: Principal
  readonly authorization?: Authorization
  /** Runs before the log is read. */
  readonly beforeRead?: () => Promise<void>
  /** Runs before the head of the log is read, which opens the room. */
  readonly beforeHead?: () => Promise<void>
}

const ADMIN: Principal = { id: 'a', role: 'admin', grants: [], expiresAtMs: Number.MAX_SAFE_INTEGER }

/** A log with one notice, and a second that arrives a given number of microtasks after the log is read. */
function createRace({
  microtasks = 0,
  principal = ADMIN,
  authorization = ALLOW_ALL,
  timers = new TimerWheel(),
  userBudgets = new UserBudgets(),
  turns = new RequestTurns(),
  isOpen = () => true,
  beforeRead,
  beforeHead,
}: Race) {
  let sendNotice: (notice: Notice, epoch: string) => void = () => undefined
  const sendSecond = async (): Promise<void> => {
    for (let i = 0; i < microtasks; i++) await Promise.resolve()
    sendNotice(noticeAt(2), 'e')
  }
  const broker: Broker = {
    ...IDLE_BROKER,
    async heads() {
      await beforeHead?.()
      return [{ epoch: 'e', offset: 1 }]
    },
    excerpts: async (parts) => parts.map(() => ({ head: { epoch: 'e', offset: 1 }, entries: [noticeAt(1)] })),
    async subscribe(_room, listener) {
      sendNotice = (notice, epoch) => listener.onNotice(notice, epoch)
      return { leave: () => undefined }
    },
    async history() {
      await beforeRead?.()
      void sendSecond()
      return { notices: [noticeAt(1)], head: { epoch: 'e', offset: 1 } }
    },
  }
  const received: number[] = []
  const closed: number[] = []
  const unsubscribed: Unsubscribed[] = []
  let isJoined = false
  const rooms = new LocalRooms(
    { batchWindowMs: 0 },
    {
      broker,
      metrics,
      log,
      hub: {
        broadcast: (_room, _epoch, notices) =>
          void (isJoined && received.push(...notices.map(({ offset }) => offset))),
        broadcastGap: () => undefined,
      },
    },
  )
  const session = new Session(
    principal,
    {
      kind: 'websocket',
      waitingBytes: () => 0,
      isOpen,
      rest: () => undefined,
      sendUnsubscribed: (sent) => void unsubscribed.push(sent),
      close: ({ code }) => void closed.push(code),
      sendGap: () => undefined,
      onDelivery: () => undefined,
      flushed: async () => undefined,
      join: () => void (isJoined = true),
      leave: () => void (isJoined = false),
      finish: () => void (isJoined = false),
      replay: (_room, _epoch, notices) => void received.push(...notices.map(({ offset }) => offset)),
    },
    {
      broker,
      authorization,
      timers,
      userBudgets,
      turns,
      readPage: createPageReader(broker),
      doubtOf,
      metrics,
      refusals,
      rooms,
    },
  )
  return { session, rooms, received, closed, unsubscribed, isJoined: () => isJoined }
}

const chain = (first: () => void, then: () => void) => (): void => {
  first()
  then()
}

/** Counts the timers that are set, and fires none. */
class CountingTimers extends TimerWheel {
  count = 0

  override schedule(): void {
    this.count++
  }
}

describe('session', () => {
  for (let microtasks = 0; microtasks < 30; microtasks++) {
    it(`misses and duplicates nothing when a notice arrives ${microtasks} microtasks after the log was read`, async () => {
      const { session, rooms, received } = createRace({ microtasks })
      let response: Subscribed | Refused | undefined
      await session.subscribe({ ...GROUP, since: { epoch: 'e', offset: 0 } }, (ack) => (response = ack))
      // After one turn of the event loop, the notice has arrived, live or replayed.
      await new Promise((resolve) => setImmediate(resolve))
      expect(response).to.include({ ok: true })
      expect(received).to.deep.equal([1, 2])
      rooms.closeAll()
    })
  }

  const member: Principal = { ...ADMIN, role: 'member' }
  /** Grants everything until `end` is called. */
  const createEndingGrants = (code: ErrorCode = 'ROOM_REFUSED') => {
    let hasEnded = false
    const authorization: Authorization = {
      ...ALLOW_ALL,
      authenticate: async () => member,
      authorize: async ({ expiresAtMs }) => {
        if (hasEnded) throw new GatewayError(code)
        return expiresAtMs
      },
    }
    return { authorization, end: () => (hasEnded = true) }
  }
  const CAUSES: Readonly<Record<string, (session: Session) => Promise<void>>> = {
    'the membership ends': (session) => session.recheckGroup('g'),
    'a new credential does not grant it': (session) => session.refresh({}, () => undefined),
  }
  for (const [cause, trigger] of Object.entries(CAUSES))
    for (const [code, retry] of [
      ['ROOM_REFUSED', false],
      ['MEMBERSHIP_UNKNOWN', true],
    ] as const) {
      it(`does not join a room when ${cause} while the subscription is pending, and passes on ${code}`, async () => {
        const { authorization, end } = createEndingGrants(code)
        const race = createRace({
          principal: member,
          authorization,
          beforeRead: async () => {
            end()
            await trigger(race.session)
          },
        })
        let response: Subscribed | Refused | undefined
        const request = { ...GROUP, since: { epoch: 'e', offset: 0 } }
        await race.session.subscribe(request, (ack) => (response ??= ack))
        await new Promise((resolve) => setImmediate(resolve))
        expect(response).to.include({ ok: false, code, retry })
        expect(race.isJoined()).to.equal(false)
        expect(race.received).to.be.empty
        expect(race.unsubscribed, 'it is told once').to.be.empty
        race.rooms.closeAll()
      })
    }

  it('does not join a room from now when the membership ends before the room is open', async () => {
    const { authorization, end } = createEndingGrants()
    const race = createRace({ principal: member, authorization })
    const responses: (Subscribed | Refused)[] = []
    const subscribing = race.session.subscribe(GROUP, (response) => void responses.push(response))
    // By then the room is authorized, but not open yet.
    await Promise.resolve()
    await Promise.resolve()
    end()
    await race.session.recheckGroup('g')
    await subscribing
    expect(responses.map(({ ok }) => ok)).to.deep.equal([false])
    expect(race.isJoined()).to.equal(false)
    race.rooms.closeAll()
  })

  it('can subscribe again to a room that it could not join', async () => {
    let isUnavailable = true
    const { session, rooms, isJoined } = createRace({
      beforeRead: async () => {
        if (isUnavailable) throw new GatewayError('BROKER_UNAVAILABLE')
      },
    })
    const responses: (Subscribed | Refused)[] = []
    const request = { ...GROUP, since: { epoch: 'e', offset: 0 } }
    await session.subscribe(request, (response) => void responses.push(response))
    isUnavailable = false
    await session.subscribe(request, (response) => void responses.push(response))
    expect(responses.map(({ ok }) => ok)).to.deep.equal([false, true])
    expect(isJoined()).to.equal(true)
    rooms.closeAll()
  })

  it('does not answer what is recalled if the grant has ended before it is looked up', async () => {
    const turns = new RequestTurns()
    const ended: ((grants: { isRevoked: boolean; isMember: boolean; untilMs: number }) => void)[] = [
      (grants) => (grants.isRevoked = true),
      (grants) => (grants.isMember = false),
      (grants) => (grants.untilMs = 0),
    ]
    for (const end of ended) {
      const grants = { isRevoked: false, isMember: true, untilMs: Date.now() + 20 }
      const authorization: Authorization = {
        ...ALLOW_ALL,
        isRevoked: () => grants.isRevoked,
        authorize: async () => {
          if (grants.isRevoked || !grants.isMember || grants.untilMs === 0)
            throw new GatewayError('ROOM_REFUSED')
          return grants.untilMs
        },
      }
      const { session, rooms } = createRace({ principal: member, authorization, turns })
      let goOn = (): void => undefined
      const others = Array.from({ length: 4 }, () =>
        turns.large('other', {}, () => new Promise<void>((resolve) => (goOn = chain(goOn, resolve)))),
      )
      let response: RecalledResponse | Refused | undefined
      const asking = session.recalled({ ...GROUP, seqs: [1] }, (ack) => (response = ack))
      await waitUntil('it waits', () => turns.waiting === 1)
      const { untilMs } = grants
      end(grants)
      await waitUntil('the first grant is over', () => grants.untilMs > 0 || Date.now() >= untilMs)
      goOn()
      await Promise.all([asking, ...others])
      expect(response).to.include({ ok: false, code: 'ROOM_REFUSED' })
      rooms.closeAll()
    }
  })

  it('shares a budget with the other connections of its user', async () => {
    const userBudgets = new UserBudgets()
    /** Sends as much as one connection may, and returns how many requests were refused as too many. */
    const sendAll = async (id: string): Promise<number> => {
      const { session, rooms } = createRace({ userBudgets, principal: { ...ADMIN, id } })
      let refused = 0
      const ack = ({ code }: Refused): void => void (code === 'TOO_MANY_REQUESTS' && refused++)
      for (let i = 0; i < 1_000; i++) await session.refuseUnknown({}, ack)
      rooms.closeAll()
      return refused
    }
    for (let connection = 0; connection < 10; connection++) expect(await sendAll('greedy')).to.equal(0)
    // A thousand come back in a second.
    let refused = 0
    for (let connection = 0; connection < 5; connection++) refused += await sendAll('greedy')
    expect(refused).to.be.above(0)
    expect(await sendAll('other')).to.equal(0)
  })

  it('sets no timer after its end, whatever a recheck finds then', async () => {
    const timers = new CountingTimers()
    let isOpen = true
    let isFirst = true
    let finish = (): void => undefined
    const recheck = new Promise<void>((resolve) => (finish = resolve))
    const authorization: Authorization = {
      ...ALLOW_ALL,
      authorize: async ({ expiresAtMs }) => {
        if (!isFirst) await recheck
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
    finish()
    await rechecked
    expect(timers.count).to.equal(before)
    race.rooms.closeAll()
  })

  it('does not spin when the grant of a room ends while the client subscribes to it again', async () => {
    const timers = new CountingTimers()
    let untilMs = Date.now() + 20
    const authorization: Authorization = { ...ALLOW_ALL, authorize: async () => untilMs }
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
    await waitUntil('the grant has ended', () => Date.now() > untilMs)
    untilMs = Date.now() + 60_000
    await race.session.subscribe({ ...GROUP, since: { epoch: 'e', offset: 0 } }, () => undefined)
    // Each of the calls above finds that nothing has expired yet, and sets the timer again.
    expect(spins).to.equal(5)
    expect(race.isJoined()).to.equal(true)
    race.rooms.closeAll()
  })

  describe('whose grant runs out on the way into a room', () => {
    /** The first grant lasts 20 ms; the next lookup takes as long, and ends as given. */
    const enter = async (since: Position | undefined, renew: () => Promise<number>) => {
      let untilMs: number | undefined
      let isPast = false
      const authorization: Authorization = {
        ...ALLOW_ALL,
        authorize: async () => {
          if (untilMs === undefined) return (untilMs = Date.now() + 20)
          await new Promise((resolve) => setTimeout(resolve, 20))
          return await renew()
        },
      }
      const runOut = async (): Promise<void> => {
        if (isPast) return
        isPast = true
        await waitUntil('the grant has run out', () => Date.now() > (untilMs ?? Infinity) + 10)
      }
      const race = createRace({ principal: member, authorization, beforeHead: runOut, beforeRead: runOut })
      let response: Subscribed | Refused | undefined
      await race.session.subscribe({ ...GROUP, ...(since && { since }) }, (ack) => (response ??= ack))
      race.rooms.closeAll()
      return { response, unsubscribed: race.unsubscribed, isJoined: race.isJoined() }
    }

    for (const [where, since] of [
      ['from now', undefined],
      ['from a position', { epoch: 'e', offset: 0 }],
    ] as const) {
      it(`enters ${where} when it is granted again`, async () => {
        const outcome = await enter(since, async () => Date.now() + 60_000)
        expect(outcome.response).to.include({ ok: true })
        expect(outcome).to.deep.include({ unsubscribed: [], isJoined: true })
      })

      for (const [code, retry] of [
        ['MEMBERSHIP_UNKNOWN', true],
        ['ROOM_REFUSED', false],
      ] as const) {
        it(`is refused ${where} with the reason ${code}, once`, async () => {
          const outcome = await enter(since, async () => {
            throw new GatewayError(code, 'the reason')
          })
          expect(outcome.response).to.include({ ok: false, code, retry })
          expect(outcome.response).to.have.property('message').contain('the reason')
          expect(outcome).to.deep.include({ unsubscribed: [], isJoined: false })
        })
      }
    }

    it('is refused in a way that can be retried when the credential has run out with it', async () => {
      const principal: Principal = { ...member, expiresAtMs: Date.now() + 10 }
      const authorization: Authorization = {
        ...ALLOW_ALL,
        authorize: async () => {
          await waitUntil('the credential has expired', () => Date.now() > principal.expiresAtMs)
          throw new GatewayError('ROOM_REFUSED')
        },
      }
      const race = createRace({ principal, authorization })
      let response: Subscribed | Refused | undefined
      await race.session.subscribe(GROUP, (ack) => (response = ack))
      expect(response).to.include({ ok: false, code: 'TOKEN_EXPIRED', retry: true })
      race.rooms.closeAll()
    })
  })

  it('tells why a room inside ends, and whether it may be entered again', async () => {
    let error: GatewayError | undefined
    const authorization: Authorization = {
      ...ALLOW_ALL,
      authorize: async ({ expiresAtMs }) => {
        if (error !== undefined) throw error
        return expiresAtMs
      },
    }
    for (const [code, retryInMs, retry] of [
      ['MEMBERSHIP_UNKNOWN', undefined, true],
      ['ROOM_REFUSED', 1_000, true],
      ['ROOM_REFUSED', undefined, false],
    ] as const) {
      error = undefined
      const race = createRace({ principal: member, authorization })
      await race.session.subscribe(GROUP, () => undefined)
      error = new GatewayError(code, 'the reason', retryInMs === undefined ? {} : { retryInMs })
      await race.session.recheckGroup('g')
      expect(race.unsubscribed).to.deep.equal([{ room: GROUP, code, message: error.message, retry }])
      race.rooms.closeAll()
    }
  })

  it('leaves a room whose grant ends while another one is looked up that takes long', async () => {
    const other = { group: 'other' }
    const authorization: Authorization = {
      ...ALLOW_ALL,
      authorize: async (_principal, { group }) => {
        const isFirst = !asked.includes(String(group))
        asked.push(String(group))
        if (isFirst) return Date.now() + (group === 'g' ? 20 : 60)
        if (group === 'g') return new Promise<number>(() => undefined)
        throw new GatewayError('ROOM_REFUSED')
      },
    }
    const asked: string[] = []
    const race = createRace({ principal: member, authorization })
    await race.session.subscribe(GROUP, () => undefined)
    await race.session.subscribe(other, () => undefined)
    await waitUntil('it is left', () => race.unsubscribed.length > 0, 2_000)
    expect(race.unsubscribed[0]).to.deep.include({ room: other, code: 'ROOM_REFUSED' })
    expect(asked.toSorted()).to.deep.equal(['g', 'g', 'other', 'other'])
    race.rooms.closeAll()
  })

  it('is closed when its credential ends while its rooms are rechecked', async () => {
    const endsAtMs = Date.now() + 60
    const principal: Principal = { ...ADMIN, role: 'member', expiresAtMs: endsAtMs }
    let isFirst = true
    const authorization: Authorization = {
      ...ALLOW_ALL,
      authorize: () => {
        if (!isFirst) return new Promise<number>(() => undefined)
        isFirst = false
        return Promise.resolve(Date.now() + 20)
      },
    }
    const race = createRace({ principal, authorization })
    await race.session.subscribe(GROUP, () => undefined)
    await waitUntil('it is closed', () => race.closed.length > 0, 2_000)
    expect(race.closed[0]).to.equal(GOODBYES.CREDENTIAL_ENDED.code)
    race.rooms.closeAll()
  })
})
