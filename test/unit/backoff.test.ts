import { expect } from 'chai'
import { Backoff, fullJitterMs } from '../../shared/backoff.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

describe('full jitter', () => {
  const onCleanUp = cleanUpAfterEach()
  const at = (fraction: number) => {
    const { random } = Math
    onCleanUp(() => (Math.random = random))
    Math.random = () => fraction
  }

  it('takes any part of a bound that doubles with each attempt, up to a maximum', () => {
    const bounds = { baseMs: 50, maxMs: 2_000 }
    at(1)
    const longest = [0, 1, 2, 5, 6, 10, 5_000].map((attempt) => fullJitterMs(attempt, bounds))
    expect(longest).to.deep.equal([50, 100, 200, 1_600, 2_000, 2_000, 2_000])
    at(0.25)
    expect(fullJitterMs(1, bounds)).to.equal(25)
    at(0)
    expect(fullJitterMs(5_000, bounds)).to.equal(0)
  })

  it('grows from 1 s to 30 s in a client, never beyond how long it has failed, and starts over after a success', () => {
    const { now } = performance
    onCleanUp(() => void (performance.now = now))
    let nowMs = 1_000_000
    performance.now = () => nowMs
    at(1)
    const backoff = new Backoff()
    const delaysAfter = (tookMs: number): number[] =>
      Array.from({ length: 7 }, () => {
        const ms = backoff.nextMs()
        nowMs += ms + tookMs
        return ms
      })
    expect(delaysAfter(0)).to.deep.equal([1_000, 2_000, 3_000, 6_000, 12_000, 24_000, 30_000])
    backoff.succeeded()
    expect(delaysAfter(20_000)).to.deep.equal([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    backoff.succeeded()
    expect(backoff.nextMs()).to.equal(1_000)
    at(1 / 3)
    expect(backoff.nextMs()).to.equal(666)
  })
})
