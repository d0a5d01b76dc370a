import { expect } from 'chai'
import { SlowStart } from '../../server/broker/spooling/slow-start.ts'

const keys = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)

describe('slow start of the drain', () => {
  it('limits nothing without an outage', () => {
    const slowStart = new SlowStart(500)
    expect(slowStart.allowed(1, 0)).to.equal(Infinity)
    slowStart.confirmed(keys(1, 900), 900, 0)
    expect(slowStart.allowed(901, 0)).to.equal(Infinity)
  })

  it('allows a limited number of recalls of the backlog until the nodes have reconnected', () => {
    const slowStart = new SlowStart(500)
    slowStart.failed()
    expect(slowStart.allowed(1, 0)).to.equal(500)
    slowStart.confirmed(keys(1, 200), 2_000, 1_000)
    expect(slowStart.allowed(201, 1_000)).to.equal(300)
    slowStart.confirmed(keys(201, 300), 2_100, 2_000)
    expect(slowStart.allowed(501, 2_000)).to.equal(0)
    expect(slowStart.waitMs(2_000)).to.equal(4_000)
    expect(slowStart.allowed(501, 5_999)).to.equal(0)
    expect(slowStart.allowed(501, 6_000)).to.equal(Infinity)
  })

  it('does not count recalls that arrived once the broker was back', () => {
    const slowStart = new SlowStart(500)
    slowStart.failed()
    slowStart.confirmed(keys(1, 200), 300, 0)
    slowStart.confirmed(keys(201, 200), 500, 10)
    expect(slowStart.allowed(300, 20)).to.equal(200)
    expect(slowStart.allowed(401, 20)).to.equal(Infinity)
  })

  it('starts over when the broker fails again', () => {
    const slowStart = new SlowStart(500)
    slowStart.failed()
    slowStart.confirmed(keys(1, 500), 900, 0)
    slowStart.failed()
    expect(slowStart.allowed(501, 100)).to.equal(500)
    slowStart.confirmed([501], 900, 9_000)
    expect(slowStart.allowed(502, 9_001)).to.equal(499)
  })
})
