import { expect } from 'chai'
import { SlowStart } from '../../server/broker/spooling/drain.ts'

describe('slow start of the drain', () => {
  it('allows a limited number of recalls until the nodes have reconnected', () => {
    const slowStart = new SlowStart(500)
    expect(slowStart.allowed(0)).to.equal(500)
    slowStart.confirmed(200, 1_000)
    expect(slowStart.allowed(1_000)).to.equal(300)
    slowStart.confirmed(300, 2_000)
    expect(slowStart.allowed(2_000)).to.equal(0)
    expect(slowStart.waitMs(2_000)).to.equal(4_000)
    expect(slowStart.allowed(5_999)).to.equal(0)
    expect(slowStart.allowed(6_000)).to.equal(Infinity)
  })

  it('starts over when the broker fails again', () => {
    const slowStart = new SlowStart(500)
    slowStart.confirmed(500, 0)
    slowStart.failed()
    expect(slowStart.allowed(100)).to.equal(500)
    slowStart.confirmed(1, 9_000)
    expect(slowStart.allowed(9_001)).to.equal(499)
  })
})
