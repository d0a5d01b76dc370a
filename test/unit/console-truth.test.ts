import { mock } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { expect } from 'chai'
import { Api } from '../../server/console/state/api.ts'
import { GatewayClock } from '../../server/console/state/gateway-clock.ts'
import { Health } from '../../server/console/state/health.ts'
import { Interruptions } from '../../server/console/state/interruptions.ts'
import { shownState } from '../../server/console/state/shown-state.ts'
import type { ShownState, State } from '../../server/console/state/shown-state.ts'
import { TestRecall } from '../../server/console/state/test-recall.ts'
import { WatchedRoom } from '../../server/console/state/watched-room.ts'
import { sumWebhooks } from '../../server/console/state/webhooks.ts'
import type { RecallClient } from '../../shared/client.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { Problem, ProcessState } from '../../shared/http-api.ts'
import type { Position } from '../../shared/position.ts'
import { toMemberNotice } from '../../shared/notice.ts'
import type { Notice } from '../../shared/notice.ts'
import { FEED } from '../../shared/room.ts'

const noticeAt = (receivedAtMs: number): Notice => ({
  offset: 1,
  group: 'g',
  messages: [{ seq: 1 }],
  recalledAtMs: receivedAtMs,
  receivedAtMs,
})

/** A page whose clock is wrong, and the gateway's true time. */
function createClocks(pageIsAheadMs: number) {
  let trueMs = Date.parse('2026-03-01T10:00:00Z')
  // Nested mocks would not all be undone.
  mock.restoreAll()
  mock.method(Date, 'now', () => trueMs + pageIsAheadMs)
  const clock = new GatewayClock(() => trueMs + pageIsAheadMs)
  return {
    clock,
    now: () => trueMs,
    pageNow: () => trueMs + pageIsAheadMs,
    pass: (ms: number): void => void (trueMs += ms),
    jump: (ms: number): void => void (pageIsAheadMs += ms),
    /** A response that takes 200 ms, with the header of its middle. */
    respond(): void {
      const onResponse = clock.measure()
      trueMs += 100
      const header = new Date(trueMs).toUTCString()
      trueMs += 100
      onResponse(header)
    },
  }
}

describe('the clock of the gateway in the console', () => {
  afterEach(() => mock.restoreAll())

  it('is known from responses, whatever the viewer’s clock says, and better with each', () => {
    for (const aheadMs of [0, 3_600_000, -86_400_000]) {
      const { clock, respond, now, pass, pageNow } = createClocks(aheadMs)
      expect(clock.now()).to.equal(undefined)
      expect(clock.fromViewer(pageNow())).to.equal(pageNow())
      for (let i = 0; i < 10; i++) {
        respond()
        expect(Math.abs((clock.now() ?? 0) - now())).to.be.below(900)
        pass(2_130)
      }
      expect(Math.abs((clock.now() ?? 0) - now())).to.be.below(500)
      expect(Math.abs(clock.fromViewer(pageNow() - 60_000) - (now() - 60_000))).to.be.below(500)
    }
  })

  it('is known again after the page’s clock has jumped, and ignores responses without a date', () => {
    for (const ms of [600_000, -600_000]) {
      const { clock, respond, now, jump } = createClocks(0)
      respond()
      jump(ms)
      respond()
      clock.measure()(null)
      clock.measure()('rubbish')
      expect(Math.abs((clock.now() ?? 0) - now())).to.be.below(900)
    }
  })
})

describe('interruptions in the console', () => {
  afterEach(() => mock.restoreAll())
  const AHEAD_MS = 7_200_000

  const start = (aheadMs = AHEAD_MS) => {
    const clocks = createClocks(aheadMs)
    for (let i = 0; i < 10; i++) {
      clocks.respond()
      clocks.pass(2_130)
    }
    return { ...clocks, interruptions: new Interruptions(clocks.clock) }
  }
  const near = (one: number | undefined, other: number): void => {
    expect(Math.abs((one ?? NaN) - other)).to.be.below(600)
  }

  it('last from the time that is told until the room is live, by the gateway’s clock', () => {
    const { interruptions, now, pageNow, pass } = start()
    interruptions.onState({ kind: 'live', since: pageNow() })
    pass(10_000)
    const begin = now() - 3_000
    const begun = interruptions.onState({ kind: 'stale', since: pageNow() - 3_000, reason: 'why' })
    near(begun?.fromMs, begin)
    expect(begun).to.include({ kind: 'stale', reason: 'why', untilMs: undefined })
    pass(20_000)
    expect(interruptions.onState({ kind: 'stale', since: pageNow(), reason: 'later' })).to.equal(undefined)
    expect(begun?.reason).to.equal('later')
    interruptions.onState({ kind: 'catching-up', since: pageNow() })
    expect(begun?.untilMs).to.equal(undefined)
    interruptions.onState({ kind: 'live', since: pageNow() })
    near(begun?.untilMs, now())
  })

  it('begin with each cause, and not before a page was ever live, unless in doubt', () => {
    const { interruptions, pageNow } = start()
    const on = (kind: 'offline' | 'stale' | 'connecting' | 'live') =>
      interruptions.onState({ kind, since: pageNow() })?.kind
    expect([on('connecting'), on('offline'), on('connecting')]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ])
    expect([on('stale'), on('offline'), on('connecting'), on('offline'), on('live')]).to.deep.equal([
      'stale',
      'offline',
      undefined,
      undefined,
      undefined,
    ])
    expect(on('offline')).to.equal('offline')
  })

  it('explain which notices are late, without comparing them with the viewer’s clock', () => {
    const { interruptions, now, pageNow, pass } = start()
    interruptions.onState({ kind: 'live', since: pageNow() })
    expect(interruptions.lateness(noticeAt(now() - 500))).to.equal(undefined)
    // Nothing explains it, so another gateway's clock may be wrong.
    expect(interruptions.lateness(noticeAt(now() - 10_000))).to.equal(undefined)
    near(interruptions.lateness(noticeAt(now() - 100_000)), 100_000)

    const begun = interruptions.onState({ kind: 'stale', since: pageNow() - 1_000 })
    pass(28_000)
    near(interruptions.lateness(noticeAt(now() - 27_000)), 27_000)
    expect(interruptions.lateness(noticeAt(now() - 100))).to.equal(undefined)
    interruptions.onState({ kind: 'live', since: pageNow() })
    pass(1_000)
    near(interruptions.lateness(noticeAt(now() - 5_000)), 5_000)
    expect(begun?.late).to.equal(2)
    pass(60_000)
    expect(interruptions.lateness(noticeAt(now() - 4_000))).to.equal(undefined)
  })

  it('explain late notices to members too, by the provider’s time', () => {
    const { interruptions, now, pageNow, pass } = start(0)

    expect(interruptions.lateness(toMemberNotice(noticeAt(now() - 100_000)))).to.equal(undefined)
    interruptions.onState({ kind: 'stale', since: pageNow() })
    pass(10_000)
    near(interruptions.lateness(toMemberNotice(noticeAt(now() - 9_000))), 9_000)
  })
})

describe('what the console says of itself', () => {
  const critical: Problem = { severity: 'critical', code: 'NO_RECEIVER', message: 'no receiver' }
  const warning: Problem = { severity: 'warning', code: 'BROKER_WARNING', message: 'w' }
  const KINDS: readonly State['kind'][] = [
    'connecting',
    'loading',
    'live',
    'catching-up',
    'stale',
    'offline',
    'refused',
    'closed',
    'idle',
  ]
  const show = (kind: State['kind'], problems: readonly Problem[] = [], waiting?: number): ShownState =>
    shownState({ state: { kind, since: 1 }, sinceMs: 1, waiting, problems })

  it('is green only if it is live, moves, and nothing critical is known', () => {
    for (const kind of KINDS)
      for (const problems of [[], [warning], [critical, warning]])
        for (const waiting of [undefined, 0, 3]) {
          const { tone, kind: shown } = show(kind, problems, waiting)
          const isGreen = kind === 'live' && !problems.includes(critical) && waiting === undefined
          expect(tone === 'good', `${kind} ${problems.length} ${waiting}`).to.equal(isGreen)
          expect(shown === 'live').to.equal(isGreen)
        }
  })

  it('is red if something critical is known, and never hides that it is not live', () => {
    for (const kind of KINDS) expect(show(kind, [critical]).tone).to.equal('bad')
    expect(show('offline', [critical], 3)).to.include({ kind: 'offline', waiting: 3 })
    expect(show('live', [critical], 3)).to.include({ kind: 'problem', waiting: 3 })
    expect(show('live', [], 3)).to.include({ kind: 'paused', waiting: 3 })
  })
})

describe('the status in the console', () => {
  let respond: () => Promise<Response>
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })
    mock.method(globalThis, 'fetch', () => respond())
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 8; i++) await immediate()
  }
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 2_000) {
      mock.timers.tick(2_000)
      await settle()
    }
  }
  const problem: Problem = { severity: 'critical', code: 'NO_RECEIVER', message: 'm' }
  const ok = async () => Response.json({ ok: true, nodes: [], problems: [problem] })
  const fail = async () => Response.json({ code: 'NODE_FULL', message: 'full' }, { status: 503 })
  const codes = ({ problems }: Health) => problems.map(({ code, severity }) => `${severity} ${code}`)

  it('that cannot be read is a problem of its own, critical once that lasts', async () => {
    respond = ok
    const health = new Health(new Api(() => 'token'), () => undefined)
    await settle()
    expect(codes(health)).to.deep.equal(['critical NO_RECEIVER'])
    respond = fail
    await pass(2_000)
    expect(codes(health)).to.deep.equal(['critical NO_RECEIVER', 'warning STATUS_UNKNOWN'])
    expect(health.problems[1]).to.include({ cause: 'NODE_FULL', message: 'full' })
    await pass(10_000)
    expect(codes(health)).to.deep.equal(['critical STATUS_UNKNOWN', 'critical NO_RECEIVER'])
    respond = ok
    await pass(2_000)
    expect(codes(health)).to.deep.equal(['critical NO_RECEIVER'])
  })

  it('is critical at once if it is refused for good, and unknown from the begin of a request without an answer', async () => {
    respond = async () => Response.json({ code: 'ADMIN_NEEDED', message: '' }, { status: 403 })
    const refused = new Health(new Api(() => 'token'), () => undefined)
    await settle()
    expect(codes(refused)).to.deep.equal(['critical STATUS_UNKNOWN'])

    let giveUp = (): void => undefined
    respond = () =>
      new Promise((_, reject) => (giveUp = () => reject(new DOMException('timed out', 'TimeoutError'))))
    const silent = new Health(new Api(() => 'token'), () => undefined)
    await settle()
    expect(codes(silent)).to.deep.equal([])
    mock.timers.tick(10_000)
    giveUp()
    await settle()
    expect(codes(silent)).to.deep.equal(['critical STATUS_UNKNOWN'])
  })

  it('that comes after a later one is not shown', async () => {
    let answerFirst = (): void => undefined
    respond = () => new Promise((resolve) => (answerFirst = () => void fail().then(resolve)))
    const health = new Health(new Api(() => 'token'), () => undefined)
    await settle()
    respond = ok
    health.pollNow()
    await settle()
    answerFirst()
    await settle()
    expect(codes(health)).to.deep.equal(['critical NO_RECEIVER'])
  })

  it('sums up the webhooks of all receivers, and knows when there is none', () => {
    const receiver = (webhooks: object) => ({ webhooks }) as ProcessState
    expect(sumWebhooks([])).to.equal(undefined)
    expect(sumWebhooks([{} as ProcessState])).to.equal(undefined)
    const sum = sumWebhooks([
      receiver({ ok: 2, refused: { A: 1, B: 5 }, failed: {}, lastOkAgeMs: 9_000 }),
      receiver({ ok: 3, refused: { A: 2 }, failed: { C: 1 }, lastOkAgeMs: null }),
    ])
    expect(sum).to.deep.equal({
      ok: 5,
      refused: [
        { code: 'B', count: 5 },
        { code: 'A', count: 3 },
      ],
      failed: [{ code: 'C', count: 1 }],
      refusedCount: 8,
      failedCount: 1,
      lastOkAgeMs: 9_000,
    })
  })

  it('tells whether a test recall arrived, even before its answer, and that it did not', async () => {
    let answer = (): void => undefined
    const response = { ok: true, positions: [], throughReceiver: true }
    respond = () => new Promise((resolve) => (answer = () => resolve(Response.json(response))))
    const test = new TestRecall(new Api(() => 'token'), () => undefined)
    const rowOf = (seq: number, seenAtMs?: number) =>
      ({
        kind: 'notice',
        room: FEED,
        epoch: 'e1',
        notice: { ...noticeAt(1), messages: [{ seq }] },
        ...(seenAtMs !== undefined && { seenAtMs }),
      }) as const
    const sent = test.send({ group: 'g', seqs: [7] })
    test.onRows([rowOf(8, 1), rowOf(7)])
    expect(test.arrivedAfterMs).to.equal(undefined)
    test.onRows([rowOf(7, 1)])
    expect(test.arrivedAfterMs).to.be.within(0, 1_000)
    answer()
    await sent
    expect(test.response).to.include({ throughReceiver: true })
    mock.timers.tick(5_000)
    expect(test.isOverdue).to.equal(false)

    void test.send({ group: 'g', seqs: [9] })
    expect(test.arrivedAfterMs).to.equal(undefined)
    mock.timers.tick(5_000)
    expect(test.isOverdue).to.equal(true)
    test.onRows([rowOf(9, 1)])
    expect(test.arrivedAfterMs).to.be.within(0, 1_000)
  })

  it('takes no recall of another conversation for the test recall that it sent', () => {
    const test = new TestRecall(new Api(() => 'token'), () => undefined)
    const rowIn = (conversation: Conversation, messages: Notice['messages']) =>
      ({
        kind: 'notice',
        room: FEED,
        epoch: 'e1',
        notice: { offset: 1, ...conversation, messages, recalledAtMs: 1, receivedAtMs: 1 },
        seenAtMs: 1,
      }) as const
    respond = () => new Promise(() => undefined)
    void test.send({ c2c: ['a', 'b'], keys: ['k', 'l'] })
    const k = [{ key: 'k' }]
    test.onRows([
      rowIn({ c2c: ['a', 'c'] }, k),
      rowIn({ official: 'a' }, k),
      rowIn({ group: 'a' }, [{ seq: 1 }]),
      rowIn({ c2c: ['a', 'b'] }, [{ key: 'm' }]),
      rowIn({ c2c: ['a', 'b'] }, [{ seq: 1 }]),
    ])
    expect(test.arrivedAfterMs).to.equal(undefined)
    test.onRows([rowIn({ c2c: ['a', 'b'] }, k)])
    expect(test.arrivedAfterMs).to.be.within(0, 1_000)
  })
})

describe('a room that the console watches, whose log went back', () => {
  const setUp = () => {
    let log: { readonly epoch: string; readonly seqs: readonly number[] } = { epoch: 'e', seqs: [] }
    let load: ((position: Position) => Promise<unknown>) | undefined
    let onGap: ((gap: { readonly reason: string }) => void) | undefined
    let onNotice: ((notice: Notice) => void) | undefined
    const position = (): Position => ({ epoch: log.epoch, offset: log.seqs.length })
    const client = {
      subscribe(_room: unknown, listener: typeof onNotice, options: { readonly load: typeof load }) {
        load = options.load
        onNotice = listener
        const on = (name: string, handler: typeof onGap): void => {
          if (name === 'gap') onGap = handler
        }
        return { on, state: { kind: 'live', since: 0 }, position: undefined, leave: () => undefined }
      },
    }
    const api = {
      clock: new GatewayClock(() => 0),
      notices: async () => ({
        position: position(),
        notices: log.seqs.map((seq, i) => ({ ...noticeAt(0), offset: i + 1, messages: [{ seq }] })),
      }),
    }
    const watched = new WatchedRoom(
      { group: 'g' },
      {
        client: client as unknown as RecallClient,
        api: api as unknown as Api,
        onChange: () => undefined,
        onFeed: () => undefined,
      },
    )
    return {
      position,
      become: (epoch: string, seqs: readonly number[]): void => void (log = { epoch, seqs }),
      load: async (at: Position) => await load?.(at),
      gap: () => onGap?.({ reason: 'epoch-changed' }),
      tell: (seq: number) => onNotice?.({ ...noticeAt(0), messages: [{ seq }] }),
      /** Newest first. */
      seqs: () =>
        watched.rows
          .toReversed()
          .flatMap(({ row }) => (row.kind === 'notice' ? row.notice.messages[0]?.seq : [])),
    }
  }

  it('shows what is there now, also at offsets that it has shown already', async () => {
    const { position, become, load, gap, seqs } = setUp()
    become('e', [1, 2, 3, 4, 5])
    await load(position())
    become('e', [1, 7, 8])
    gap()
    await load(position())
    expect(seqs()).to.deep.equal([8, 7, 5, 4, 3, 2, 1])
  })

  it('shows nothing twice that is told again after the log was lost', async () => {
    const { position, become, load, gap, tell, seqs } = setUp()
    become('e', [1, 2])
    await load(position())
    tell(3)
    become('f', [1])
    gap()
    await load(position())
    for (const seq of [2, 3, 4]) tell(seq)
    expect(seqs()).to.deep.equal([4, 3, 2, 1])
  })

  it('does not load for ever a position that is gone', async () => {
    const { position, become, load, gap, seqs } = setUp()
    become('e', [1, 2])
    const before = position()
    become('f', [3])
    await load(before)
    expect(seqs()).to.deep.equal([])
    gap()
    await load(position())
    expect(seqs()).to.deep.equal([3])
  })
})
