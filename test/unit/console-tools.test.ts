import { expect } from 'chai'
import { findingTitles } from '../../server/console/i18n/zh-doctor.ts'
import { Pace } from '../../server/console/state/pace.ts'
import { traceIdOf } from '../../server/console/state/trace.ts'
import { CATALOGUE } from '../../server/doctor/catalogue.ts'

describe('the console', () => {
  it('names in Chinese all that the doctor looks at', () => {
    expect(Object.keys(findingTitles)).to.have.members(Object.keys(CATALOGUE))
  })

  it('knows the id of a trace, and none where nothing is traced', () => {
    const id = '4bf92f3577b34da6a3ce929d0e0e4736'
    expect(traceIdOf({ traceparent: `00-${id}-00f067aa0ba902b7-01` })).to.equal(id)
    expect(traceIdOf({ traceparent: `cc-${id}-00f067aa0ba902b7-01-later` })).to.equal(id)
    for (const traceparent of ['', `00-${id}`, `00-${id}x-00f067aa0ba902b7-01`, 1])
      expect(traceIdOf({ traceparent })).to.equal(undefined)
    expect(traceIdOf({})).to.equal(undefined)
  })

  it('asks no more often than its pace, and in the order of those that wait', () => {
    const pace = new Pace(2, 10_000)
    expect([0, 1, 2, 3].map((atMs) => pace.next(atMs))).to.deep.equal([0, 0, 9_998, 9_998])
    expect(pace.next(10_000)).to.equal(10_000)
    expect(pace.next(60_000)).to.equal(0)
  })
})
