import { expect } from 'chai'
import { clientFrame, FrameReader } from '../bench/websocket-frames.ts'
import { emptyTally, RoomLedger } from '../bench/delivery-checker.ts'
import { FILLERS_FROM, seqsIn } from '../bench/payload-seqs.ts'
import { addUp, Histogram, median } from '../bench/statistics.ts'
import { compare, toText } from '../bench/table.ts'
import { textFrame } from '../../server/realtime/rooms/prepared-event.ts'

describe('statistics of the benchmarks', () => {
  it('take the middle one, or the mean of the two in the middle', () => {
    expect(median([30, 1, 2])).to.equal(2)
    expect(median([4, 1, 2, 3])).to.equal(2.5)
    expect(median([])).to.deep.equal(NaN)
  })

  it('tell quantiles to 2 %, of several histograms together too', () => {
    const [low, high] = [new Histogram(), new Histogram()]
    for (let us = 1; us <= 500; us++) low.record(us)
    for (let us = 501; us <= 1_000; us++) high.record(us)
    const all = addUp([low.counts, high.counts])
    expect(all.quantileUs(0.5)).to.be.closeTo(500, 10)
    expect(all.quantileUs(0.99)).to.be.closeTo(990, 20)
    expect(new Histogram().quantileUs(0.5)).to.deep.equal(NaN)
  })

  it('show three digits that count', () => {
    expect([0.123456, 12.345, 1234.5, NaN].map(toText)).to.deep.equal(['0.123', '12.3', '1,235', '–'])
  })

  it('compare medians, and name what was wrong', () => {
    const figures = (s: number, lost = 0) => ({ values: { 'CPU s': s }, wrong: { lost, closed: 0 } })
    const table = compare(
      new Map([
        ['gateway', [figures(1), figures(2), figures(3)]],
        ['plain', [figures(4, 7)]],
      ]),
    )
    expect(table.split('\n').slice(2)).to.deep.equal([
      '| gateway | 2 (1–3) | 0 |',
      '| plain | 4 | lost 7 |',
      '| ratio | 0.5 |  |',
    ])
  })
})

describe('frames of the benchmarks', () => {
  const texts = ['2', 'x'.repeat(125), 'y'.repeat(126), 'ü'.repeat(40_000)]
  const stream = Buffer.concat(texts.map(textFrame))

  for (const size of [1, 2, 3, 100, stream.length]) {
    it(`are read whole from chunks of ${size} bytes`, () => {
      const read: string[] = []
      const reader = new FrameReader(
        (bytes, start, end) => read.push(bytes.toString('utf8', start, end)),
        () => expect.fail('nothing was closed'),
      )
      // One by one in the small frames is enough, and quicker.
      for (let at = 0; at < stream.length; at += at > 600 ? Math.max(size, 1_000) : size)
        reader.read(stream.subarray(at, at + (at > 600 ? Math.max(size, 1_000) : size)))
      expect(read).to.deep.equal(texts)
    })
  }

  it('tell when the server closes', () => {
    let closed = 0
    const reader = new FrameReader(
      () => expect.fail('no text was sent'),
      () => closed++,
    )
    reader.read(Buffer.from([0x88, 2, 3, 232]))
    expect(closed).to.equal(1)
  })

  it('of clients are masked with zeros', () => {
    expect([...clientFrame('hi')]).to.deep.equal([0x81, 0x82, 0, 0, 0, 0, 104, 105])
    expect([...clientFrame('x'.repeat(300)).subarray(0, 8)]).to.deep.equal([0x81, 0xfe, 1, 44, 0, 0, 0, 0])
  })

  it('give up their seqs, without those that only make them larger', () => {
    const messages = [{ seq: 1_000_007 }, { seq: FILLERS_FROM, id: 'x' }]
    const payload = Buffer.from(JSON.stringify({ notices: [{ messages }, { messages: [{ seq: 8 }] }] }))
    expect(seqsIn(payload)).to.deep.equal([1_000_007, 8])
  })
})

describe('room ledger of the benchmarks', () => {
  it('counts what all sockets get in one order as delivered', () => {
    const ledger = new RoomLedger()
    const [one, other, tally] = [ledger.seat(), ledger.seat(), emptyTally()]
    for (const seat of [one, other]) for (const seq of [5, 4, 6]) ledger.note(seat, seq, tally)
    expect(tally).to.deep.equal({ ...emptyTally(), delivered: 6 })
  })

  it('finds what comes twice, late, or never', () => {
    const ledger = new RoomLedger()
    const [one, other, tally] = [ledger.seat(), ledger.seat(), emptyTally()]
    for (const seq of [1, 2, 3, 4]) ledger.note(one, seq, tally)
    for (const seq of [1, 1, 4, 2, 2]) ledger.note(other, seq, tally)
    // 3 never came: 7 of 8.
    expect(tally).to.deep.equal({ delivered: 7, duplicated: 2, outOfOrder: 1, misrouted: 0 })
  })
})
