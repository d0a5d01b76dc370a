import { expect } from 'chai'
import { SlowStart } from '../../server/broker/spooling/drain.ts'

describe('pace of the spool', () => {
  it('allows so many recalls at first, and any number once nodes hear again', () => {
    const pace = new SlowStart(500)
    expect(pace.allowed(0)).to.equal(500)
    pace.confirmed(200, 1_000)
    expect(pace.allowed(1_000)).to.equal(300)
    pace.confirmed(300, 2_000)
    expect(pace.allowed(2_000)).to.equal(0)
    expect(pace.waitMs(2_000)).to.equal(4_000)
    expect(pace.allowed(5_999)).to.equal(0)
    expect(pace.allowed(6_000)).to.equal(Infinity)
  })

  it('begins anew when the broker fails again', () => {
    const pace = new SlowStart(500)
    pace.confirmed(500, 0)
    pace.failed()
    expect(pace.allowed(100)).to.equal(500)
    pace.confirmed(1, 9_000)
    expect(pace.allowed(9_001)).to.equal(499)
  })
})
