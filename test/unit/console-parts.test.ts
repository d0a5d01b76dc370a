import { expect } from 'chai'
import fc from 'fast-check'
import { Rates } from '../../server/console/health/rates.ts'
import { inRanges } from '../../server/console/history/ranges.ts'
import { countAfter, rowWindow, topToSee } from '../../server/console/list/row-window.ts'
import { readSeqs } from '../../server/console/test-recall/read-seqs.ts'

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
    expect(topToSee(at, 12)).to.equal(400)
    expect(topToSee(at, 2)).to.equal(80)
    expect(topToSee(at, 20)).to.equal(640)
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
    expect(rates.next([told('a', 3_004, 30)])?.keptPerS).to.equal(10)
  })

  it('are those of all processes together, without those that have gone', () => {
    const rates = new Rates()
    rates.next([told('a', 0, 0), told('b', 0, 0)])
    expect(rates.next([told('a', 2_000, 2), told('b', 2_000, 4)])?.keptPerS).to.equal(3)
    expect(rates.next([told('b', 4_000, 8)])?.keptPerS).to.equal(2)
    expect(rates.next([])).to.equal(undefined)
  })
})

describe('numbers of messages', () => {
  it('are written as ranges', () => {
    expect(inRanges([])).to.deep.equal([])
    expect(inRanges([5])).to.deep.equal(['5'])
    expect(inRanges([1, 2, 3, 7, 9, 10])).to.deep.equal(['1–3', '7', '9–10'])
  })

  it('are read with commas of any kind, each once', () => {
    expect(readSeqs('3, 1,2 2')).to.deep.equal([3, 1, 2])
    expect(readSeqs('1，2、3')).to.deep.equal([1, 2, 3])
  })

  it('are not read from anything else', () => {
    for (const text of ['', ' ', '0', '-1', '1.5', 'x', '1,x', '9007199254740992']) {
      expect(readSeqs(text), text).to.equal(undefined)
    }
    expect(readSeqs(Array.from({ length: 1_001 }, (_, i) => i + 1).join())).to.equal(undefined)
  })
})
