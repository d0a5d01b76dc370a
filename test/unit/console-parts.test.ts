import { mock } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { Api } from '../../server/console/state/api.ts'
import { Health } from '../../server/console/state/health.ts'
import { Rates } from '../../server/console/state/health.ts'
import { formatRanges } from '../../server/console/ui/seqs.ts'
import { countAfter, rowWindow, scrollTopFor } from '../../server/console/list/row-window.ts'
import { parseSeqs } from '../../server/console/ui/seqs.ts'

describe('window of a list', () => {
  const scrolled = fc.record({
    topPx: fc.nat(1_000_000),
    heightPx: fc.nat(4_000),
    rowPx: fc.integer({ min: 20, max: 100 }),
  })

  it('holds every row in sight, few others, and none that is not there', () => {
    fc.assert(
      fc.property(scrolled, fc.nat(20_000), (at, count) => {
        const { first, end } = rowWindow(at, count)
        expect(first).to.be.within(0, count)
        expect(end).to.be.within(first, count)
        expect(end - first).to.be.at.most(Math.ceil(at.heightPx / at.rowPx) + 18)
        const seen = (index: number): boolean =>
          index >= 0 &&
          index < count &&
          (index + 1) * at.rowPx > at.topPx &&
          index * at.rowPx < at.topPx + at.heightPx
        for (const index of [first - 1, end]) expect(seen(index)).to.equal(false)
      }),
    )
  })

  it('is moved as little as a row needs to be seen', () => {
    const at = { topPx: 400, heightPx: 200, rowPx: 40 }
    expect(scrollTopFor(at, 12)).to.equal(400)
    expect(scrollTopFor(at, 2)).to.equal(80)
    expect(scrollTopFor(at, 20)).to.equal(640)
  })

  it('knows how many rows came after one, whether it is there or not', () => {
    const rows = [{ key: 3 }, { key: 5 }, { key: 9 }]
    expect([2, 3, 4, 5, 8, 9, 10].map((key) => countAfter(rows, key))).to.deep.equal([3, 2, 2, 1, 1, 0, 0])
    expect(countAfter([], 1)).to.equal(0)
  })
})

describe('rates of the console', () => {
  const told = (id: string, reportedAtMs: number, kept: number, delivered = 0) => ({
    id,
    reportedAtMs,
    counts: { kept, delivered },
  })

  it('need two reports of a process', () => {
    const rates = new Rates()
    expect(rates.next([told('a', 1_000, 10)])).to.equal(undefined)
    expect(rates.next([told('a', 3_000, 30, 8)])).to.deep.equal({ keptPerS: 10, deliveredPerS: 4 })
  })

  it('stay as they are while a report is the same', () => {
    const rates = new Rates()
    rates.next([told('a', 1_000, 10)])
    rates.next([told('a', 3_000, 30)])
    expect(rates.next([told('a', 3_004, 30)])?.recallsPerSecond).to.equal(10)
  })

  it('are those of all processes together, without those that have gone', () => {
    const rates = new Rates()
    rates.next([told('a', 0, 0), told('b', 0, 0)])
    expect(rates.next([told('a', 2_000, 2), told('b', 2_000, 4)])?.recallsPerSecond).to.equal(3)
    expect(rates.next([told('b', 4_000, 8)])?.recallsPerSecond).to.equal(2)
    expect(rates.next([])).to.equal(undefined)
  })
})

describe('numbers of messages', () => {
  it('are written as ranges', () => {
    expect(formatRanges([])).to.deep.equal([])
    expect(formatRanges([5])).to.deep.equal(['5'])
    expect(formatRanges([1, 2, 3, 7, 9, 10])).to.deep.equal(['1–3', '7', '9–10'])
  })

  it('are read with commas of any kind, each once', () => {
    expect(parseSeqs('3, 1,2 2')).to.deep.equal([3, 1, 2])
    expect(parseSeqs('1，2、3')).to.deep.equal([1, 2, 3])
  })

  it('are not read from anything else', () => {
    for (const text of ['', ' ', '0', '-1', '1.5', 'x', '1,x', '9007199254740992']) {
      expect(parseSeqs(text), text).to.equal(undefined)
    }
    expect(parseSeqs(Array.from({ length: 1_001 }, (_, i) => i + 1).join())).to.equal(undefined)
  })
})

describe('health in the console', () => {
  const EVERY_MS = 2_000
  let answer: { readonly status: number; readonly body: object }
  let asked: number
  beforeEach(() => {
    asked = 0
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })
    mock.method(globalThis, 'fetch', async () => {
      asked++
      return Response.json(answer.body, { status: answer.status })
    })
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  const refuse = (code: string) => (answer = { status: 401, body: { code, message: '' } })
  const allow = () => (answer = { status: 200, body: { ok: true, testRecalls: false, nodes: [] } })
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await immediate()
  }
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += EVERY_MS) {
      mock.timers.tick(EVERY_MS)
      await settle()
    }
  }
  const open = async (): Promise<Health> => {
    const health = new Health(new Api(() => 'token'), () => undefined)
    await settle()
    return health
  }

  it('is asked for again and again, also when there was no answer', async () => {
    allow()
    await open()
    await pass(4 * EVERY_MS)
    expect(asked).to.equal(5)
    refuse('BROKER_UNAVAILABLE')
    await pass(4 * EVERY_MS)
    expect(asked).to.equal(9)
  })

  // Each further try with a token that does not hold counts against the address, and in the end shuts out all who share it.
  for (const code of ['TOKEN_REFUSED', 'USER_DISCONNECTED', 'TOO_MANY_FAILURES', 'ADMIN_NEEDED']) {
    it(`is not asked for any more after ${code}, until there is another token or the gateway lets the page in`, async () => {
      allow()
      const health = await open()
      refuse(code)
      await pass(EVERY_MS)
      expect(asked).to.equal(2)
      await pass(120_000)
      expect(asked).to.equal(2)
      allow()
      health.resume()
      await pass(EVERY_MS)
      expect(asked).to.equal(3)
      refuse(code)
      await pass(EVERY_MS)
      health.pollNow()
      await settle()
      expect(asked).to.equal(5)
      await pass(120_000)
      expect(asked).to.equal(5)
    })
  }

  it('shows the last five minutes, also in a tab whose timers run once a minute', async () => {
    allow()
    const health = await open()
    for (let minute = 0; minute < 20; minute++) {
      mock.timers.tick(60_000)
      await settle()
    }
    expect(health.samples.length).to.be.within(4, 6)
    expect(Date.now() - (health.samples[0]?.atMs ?? 0)).to.be.at.most(300_000)
  })
})
