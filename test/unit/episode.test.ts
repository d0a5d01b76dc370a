import { expect } from 'chai'
import { Episode } from '../../server/telemetry/episode.ts'
import { createManualClock } from '../support/manual-clock.ts'

describe('episode', () => {
  it('counts from its first event until there has been none for five minutes', () => {
    const clock = createManualClock()
    const episode = new Episode(clock.now)
    expect(episode.state()).to.equal(undefined)
    episode.add()
    clock.advance(299_999)
    episode.add()
    clock.advance(10)
    expect(episode.state()).to.deep.equal({ count: 2, ageMs: 10 })
    clock.advance(299_990)
    expect(episode.state()).to.equal(undefined)
    episode.add()
    expect(episode.state()).to.deep.equal({ count: 1, ageMs: 0 })
  })
})
