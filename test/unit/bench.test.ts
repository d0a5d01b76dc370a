import { expect } from 'chai'
import { textFrame } from '../../server/realtime/rooms/prepared-event.ts'
import { DeliveryChecker, emptyTally } from '../bench/delivery-checker.ts'
import { FIRST_FILLER_SEQ, seqsIn } from '../bench/payload-seqs.ts'
import { Histogram, median, mergeHistograms } from '../bench/statistics.ts'
import { compare, formatNumber, summarize } from '../bench/table.ts'
import { clientFrame, FrameReader } from '../bench/websocket-frames.ts'

describe('statistics of the benchmarks', () => {
  it('return the middle value, or the mean of the two middle values, as the median', () => {
    expect(median([30, 1, 2])).to.equal(2)
    expect(median([4, 1, 2, 3])).to.equal(2.5)
    expect(median([])).to.deep.equal(NaN)
  })

  it('return quantiles accurate to 2 %, also of merged histograms', () => {
    const [low, high] = [new Histogram(), new Histogram()]
    for (let us = 1; us <= 500; us++) low.record(us)
    for (let us = 501; us <= 1_000; us++) high.record(us)
    const all = mergeHistograms([low.counts, high.counts])
    expect(all.quantileUs(0.5)).to.be.closeTo(500, 10)
    expect(all.quantileUs(0.99)).to.be.closeTo(990, 20)
    expect(new Histogram().quantileUs(0.5)).to.deep.equal(NaN)
  })

  it('format numbers with three significant digits', () => {
    expect([0.123456, 12.345, 1234.5, NaN].map(formatNumber)).to.deep.equal(['0.123', '12.3', '1,235', '–'])
  })

  it('compare medians, and list errors', () => {
    const figures = (s: number, lost = 0) => ({ values: { 'CPU s': s }, errors: { lost, closed: 0 } })
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

describe('summary of the benchmarks', () => {
  it('has the medians of the figures that stand for each row, and none of a server that was not measured', () => {
    const figures = (s: number) => ({ values: { 'CPU s': s, 'p50 ms': 10 * s, other: 7 }, errors: {} })
    const summary = ['CPU s', 'p50 ms']
    const both = new Map([
      ['gateway', [figures(1), figures(2), figures(3)]],
      ['plain', [figures(4)]],
    ])
    const table = summarize(
      [
        { title: 'storm', summary, figuresOf: both },
        { title: 'embedded', summary, figuresOf: new Map([['gateway', [figures(1)]]]) },
      ],
      ['gateway', 'plain'],
    )
    expect(table.split('\n').slice(2)).to.deep.equal([
      '| storm | CPU s; p50 ms | 2; 20 | 4; 40 | 0.5; 0.5 |',
      '| embedded | CPU s; p50 ms | 1; 10 | –; – | –; – |',
    ])
  })
})

describe('WebSocket frames of the benchmarks', () => {
  const texts = ['2', 'x'.repeat(125), 'y'.repeat(126), 'ü'.repeat(40_000)]
  const stream = Buffer.concat(texts.map(textFrame))

  for (const size of [1, 2, 3, 100, stream.length]) {
    it(`are parsed from chunks of ${size} bytes`, () => {
      const read: string[] = []
      const reader = new FrameReader(
        (bytes, start, end) => read.push(bytes.toString('utf8', start, end)),
        () => expect.fail('nothing was closed'),
      )
      // Tiny chunks within the small frames are enough, and larger ones quicker.
      for (let at = 0; at < stream.length; at += at > 600 ? Math.max(size, 1_000) : size)
        reader.read(stream.subarray(at, at + (at > 600 ? Math.max(size, 1_000) : size)))
      expect(read).to.deep.equal(texts)
    })
  }

  it('report a close by the server', () => {
    let closed = 0
    const reader = new FrameReader(
      () => expect.fail('no text was sent'),
      () => closed++,
    )
    reader.read(Buffer.from([0x88, 2, 3, 232]))
    expect(closed).to.equal(1)
  })

  it('of clients have a mask of zeros', () => {
    expect([...clientFrame('hi')]).to.deep.equal([0x81, 0x82, 0, 0, 0, 0, 104, 105])
    expect([...clientFrame('x'.repeat(300)).subarray(0, 8)]).to.deep.equal([0x81, 0xfe, 1, 44, 0, 0, 0, 0])
  })

  it('contain seqs, of which fillers are ignored', () => {
    const messages = [{ seq: 1_000_007 }, { seq: FIRST_FILLER_SEQ, id: 'x' }]
    const payload = Buffer.from(JSON.stringify({ notices: [{ messages }, { messages: [{ seq: 8 }] }] }))
    expect(seqsIn(payload)).to.deep.equal([1_000_007, 8])
  })
})

describe('delivery checker of the benchmarks', () => {
  it('counts recalls that all sockets receive in the same order as delivered', () => {
    const checker = new DeliveryChecker()
    const [one, other, tally] = [checker.cursor(), checker.cursor(), emptyTally()]
    for (const cursor of [one, other]) for (const seq of [5, 4, 6]) checker.record(cursor, seq, tally)
    expect(tally).to.deep.equal({ ...emptyTally(), delivered: 6 })
  })

  it('detects duplicated, late and missing recalls', () => {
    const checker = new DeliveryChecker()
    const [one, other, tally] = [checker.cursor(), checker.cursor(), emptyTally()]
    for (const seq of [1, 2, 3, 4]) checker.record(one, seq, tally)
    for (const seq of [1, 1, 4, 2, 2]) checker.record(other, seq, tally)
    // The other socket never receives 3, so 7 of 8 are delivered.
    expect(tally).to.deep.equal({ delivered: 7, duplicated: 2, outOfOrder: 1, misrouted: 0 })
  })
})
