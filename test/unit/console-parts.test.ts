import { mock } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { Api } from '../../server/console/state/api.ts'
import { Health, Rates } from '../../server/console/state/health.ts'
import { countAfter, rowWindow, scrollTopFor } from '../../server/console/list/row-window.ts'
import { parseSeqs } from '../../server/console/ui/seqs.ts'

describe('window of a list', () => {
  const scrolled = fc.record({
    topPx: fc.nat(1_000_000),
    heightPx: fc.nat(4_000),
    rowPx: fc.integer({ min: 20, max: 100 }),
  })

  it('holds every visible row, few others, and none that does not exist', () => {
    fc.assert(
      fc.property(scrolled, fc.nat(20_000), (at, count) => {
        const { first, end } = rowWindow(at, count)
        expect(first).to.be.within(0, count)
        expect(end).to.be.within(first, count)
        expect(end - first).to.be.at.most(Math.ceil(at.heightPx / at.rowPx) + 18)
        const isVisible = (index: number): boolean =>
          index >= 0 &&
          index < count &&
          (index + 1) * at.rowPx > at.topPx &&
          index * at.rowPx < at.topPx + at.heightPx
        for (const index of [first - 1, end]) expect(isVisible(index)).to.equal(false)
      }),
    )
  })

  it('scrolls no further than needed to show a row', () => {
    const at = { topPx: 400, heightPx: 200, rowPx: 40 }
    expect(scrollTopFor(at, 12)).to.equal(400)
    expect(scrollTopFor(at, 2)).to.equal(80)
    expect(scrollTopFor(at, 20)).to.equal(640)
  })

  it('counts the rows after a key, whether the key exists or not', () => {
    const rows = [{ key: 3 }, { key: 5 }, { key: 9 }]
    expect([2, 3, 4, 5, 8, 9, 10].map((key) => countAfter(rows, key))).to.deep.equal([3, 2, 2, 1, 1, 0, 0])
    expect(countAfter([], 1)).to.equal(0)
  })
})

describe('rates of the console', () => {
  const heartbeat = (id: string, reportedAtMs: number, kept: number, delivered = 0) => ({
    id,
    reportedAtMs,
    counts: { kept, delivered },
  })

  it('need two heartbeats of a process', () => {
    const rates = new Rates()
    expect(rates.next([heartbeat('a', 1_000, 10)])).to.equal(undefined)
    expect(rates.next([heartbeat('a', 3_000, 30, 8)])).to.deep.equal({
      recallsPerSecond: 10,
      deliveriesPerSecond: 4,
    })
  })

  it('stay the same while the heartbeat is the same', () => {
    const rates = new Rates()
    rates.next([heartbeat('a', 1_000, 10)])
    rates.next([heartbeat('a', 3_000, 30)])
    expect(rates.next([heartbeat('a', 3_004, 30)])?.recallsPerSecond).to.equal(10)
  })

  it('sum up all processes, without those that have gone', () => {
    const rates = new Rates()
    rates.next([heartbeat('a', 0, 0), heartbeat('b', 0, 0)])
    expect(rates.next([heartbeat('a', 2_000, 2), heartbeat('b', 2_000, 4)])?.recallsPerSecond).to.equal(3)
    expect(rates.next([heartbeat('b', 4_000, 8)])?.recallsPerSecond).to.equal(2)
    expect(rates.next([])).to.equal(undefined)
  })

  it('count what a process did while the status did not have it', () => {
    const rates = new Rates()
    rates.next([heartbeat('a', 0, 10), heartbeat('b', 0, 0)])
    rates.next([heartbeat('b', 2_000, 0)])
    expect(rates.next([heartbeat('a', 4_000, 30), heartbeat('b', 4_000, 0)])?.recallsPerSecond).to.equal(5)
  })

  it('begin anew when a clock is set back', () => {
    const rates = new Rates()
    rates.next([heartbeat('a', 600_000, 0)])
    rates.next([heartbeat('a', 602_000, 20)])
    expect(rates.next([heartbeat('a', 4_000, 20)])).to.equal(undefined)
    expect(rates.next([heartbeat('a', 6_000, 20)])?.recallsPerSecond).to.equal(0)
  })

  it('remember few processes that are gone', () => {
    const rates = new Rates()
    for (let i = 0; i < 102; i++) rates.next([heartbeat(`p${i}`, 0, 0)])
    expect(rates.next([heartbeat('p0', 1_000, 1)])).to.equal(undefined)
    expect(rates.next([heartbeat('p50', 1_000, 1)])?.recallsPerSecond).to.equal(1)
  })
})

describe('sequence numbers', () => {
  it('are parsed with separators of any kind, each once', () => {
    expect(parseSeqs('3, 1,2 2')).to.deep.equal([3, 1, 2])
    expect(parseSeqs('1，2、3')).to.deep.equal([1, 2, 3])
  })

  it('are not parsed from anything else', () => {
    for (const text of ['', ' ', '0', '-1', '1.5', 'x', '1,x', '9007199254740992']) {
      expect(parseSeqs(text), text).to.equal(undefined)
    }
    expect(parseSeqs(Array.from({ length: 1_001 }, (_, i) => i + 1).join())).to.equal(undefined)
  })
})

describe('health in the console', () => {
  const POLL_INTERVAL_MS = 2_000
  let response: { readonly status: number; readonly body: object }
  let polls: number
  beforeEach(() => {
    polls = 0
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })
    mock.method(globalThis, 'fetch', async (url: string) => {
      if (url.startsWith('v1/status')) polls++
      return Response.json(response.body, { status: response.status })
    })
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const refuse = (code: string) => (response = { status: 401, body: { code, message: '' } })
  const allow = () => (response = { status: 200, body: { ok: true, testRecalls: false, nodes: [] } })
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await immediate()
  }
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += POLL_INTERVAL_MS) {
      mock.timers.tick(POLL_INTERVAL_MS)
      await settle()
    }
  }
  const open = async (): Promise<Health> => {
    const health = new Health(new Api(() => 'token'), () => undefined)
    await settle()
    return health
  }

  it('is polled periodically, even after a failure', async () => {
    allow()
    await open()
    await pass(4 * POLL_INTERVAL_MS)
    expect(polls).to.equal(5)
    refuse('BROKER_UNAVAILABLE')
    await pass(4 * POLL_INTERVAL_MS)
    expect(polls).to.equal(9)
  })

  // Every further attempt with an invalid token counts against the address and eventually blocks everyone behind it.
  for (const code of ['TOKEN_REFUSED', 'TOKEN_EXPIRED', 'USER_DISCONNECTED', 'ADMIN_NEEDED']) {
    it(`is not polled after ${code} until there is another token or the gateway accepts the page again`, async () => {
      allow()
      const health = await open()
      refuse(code)
      await pass(POLL_INTERVAL_MS)
      expect(polls).to.equal(2)
      await pass(120_000)
      expect(polls).to.equal(2)
      allow()
      health.resume()
      await pass(POLL_INTERVAL_MS)
      expect(polls).to.equal(3)
      refuse(code)
      await pass(POLL_INTERVAL_MS)
      health.pollNow()
      await settle()
      expect(polls).to.equal(5)
      await pass(120_000)
      expect(polls).to.equal(5)
    })
  }

  it('is polled once a minute while the address is blocked, which is red at once, and ends by itself', async () => {
    allow()
    const health = await open()
    refuse('TOO_MANY_FAILURES')
    await pass(POLL_INTERVAL_MS)
    expect(health.problems).to.have.lengthOf(1)
    expect(health.problems[0]).to.include({ severity: 'critical', cause: 'TOO_MANY_FAILURES' })
    await pass(60_000)
    expect(polls).to.equal(3)
    allow()
    await pass(60_000)
    expect([polls, ...health.problems]).to.deep.equal([4])
    await pass(POLL_INTERVAL_MS)
    expect(polls).to.equal(5)
  })

  it('holds an hour of samples, even in a tab whose timers run once a minute', async () => {
    allow()
    const health = await open()
    for (let minute = 0; minute < 80; minute++) {
      mock.timers.tick(60_000)
      await settle()
    }
    expect(health.samples.length).to.be.within(59, 61)
    expect(Date.now() - (health.samples[0]?.atMs ?? 0)).to.be.at.most(3_600_000)
  })
})
