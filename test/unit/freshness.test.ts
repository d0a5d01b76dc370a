import { expect } from 'chai'
import { createFreshness } from '../../server/broker/redis/asking/freshness.ts'

const HOUR_MS = 3_600_000

describe('whether a question is fresh', () => {
  let elapsedMs: number
  const begin = (nowMs: number) => {
    elapsedMs = 0
    return createFreshness(nowMs, () => elapsedMs)
  }

  it('depends on when it was asked, and on whether it was answered', () => {
    const isFresh = begin(HOUR_MS)
    elapsedMs = 10_000
    const nowMs = HOUR_MS + elapsedMs
    expect(isFresh('early', HOUR_MS - 1, nowMs)).to.equal(false)
    expect(isFresh('one', HOUR_MS, nowMs)).to.equal(true)
    expect(isFresh('one', HOUR_MS, nowMs)).to.equal(false)
    expect(isFresh('late', nowMs + 60_001, nowMs)).to.equal(false)
  })

  it('does not wait until a clock that was set back has caught up', () => {
    const isFresh = begin(2 * HOUR_MS)
    elapsedMs = 10_000
    const nowMs = HOUR_MS + elapsedMs
    expect(isFresh('before the start', HOUR_MS - 1, nowMs)).to.equal(false)
    expect(isFresh('now', nowMs, nowMs)).to.equal(true)
  })
})
