import { expect } from 'chai'
import { SuspendedConversations } from '../../server/broker/spooling/suspended.ts'
import type { Readable } from '../../server/broker/spooling/suspended.ts'

const entry = (key: number, group = 'bad'): Readable => ({
  key,
  recall: { group, messages: [{ seq: key }], recalledAtMs: 1, receivedAtMs: 1 },
  text: '',
  bytes: 0,
})

describe('suspended conversations', () => {
  it('give a recall up after five failures with another recall stored before each', () => {
    const suspended = new SuspendedConversations()
    const bad = entry(1)
    suspended.add(bad, 10, 0)
    const failures = [11, 12, 13, 14, 15].map((stored) => suspended.failed(bad, stored, 0))
    expect(failures).to.deep.equal([false, false, false, false, true])
  })

  it('count no failure while the broker stores nothing', () => {
    const suspended = new SuspendedConversations()
    const bad = entry(1)
    suspended.add(bad, 10, 0)
    for (let i = 0; i < 100; i++) expect(suspended.failed(bad, 10, 0)).to.equal(false)
    expect(suspended.failed(bad, 11, 0)).to.equal(false)
  })

  it('try one recall of each conversation at a time, in order', () => {
    const suspended = new SuspendedConversations()
    const [one, two, other] = [entry(1), entry(2), entry(3, 'other')]
    for (const each of [one, two, other]) suspended.add(each, 0, 0)
    expect(suspended.due(0)).to.deep.equal([one, other])
    suspended.remove(one, 'stored', 5)
    expect(suspended.due(5)).to.deep.equal([two, other])
    suspended.remove(other, 'stored', 5)
    expect(suspended.has(other.recall)).to.equal(false)
    expect(suspended.holds(2)).to.equal(true)
  })

  it('give the next recalls up at their first failure', () => {
    const suspended = new SuspendedConversations()
    const [one, two] = [entry(1), entry(2)]
    for (const each of [one, two]) suspended.add(each, 0, 0)
    for (let stored = 1; stored <= 5; stored++) suspended.failed(one, stored, 0)
    suspended.remove(one, 'given-up', 0)
    expect(suspended.failed(two, 5, 1_000)).to.equal(false)
    expect(suspended.failed(two, 6, 2_000)).to.equal(true)
  })

  it('wait longer after each failure, but never long', () => {
    const suspended = new SuspendedConversations()
    const bad = entry(1)
    suspended.add(bad, 0, 0)
    expect(suspended.waitMs(0)).to.equal(0)
    suspended.failed(bad, 1, 0)
    expect(suspended.waitMs(0)).to.be.within(0, 200)
    for (let i = 0; i < 20; i++) suspended.failed(bad, 1, 0)
    expect(suspended.waitMs(0)).to.be.within(0, 2_000)
    expect(suspended.waitMs(2_000)).to.equal(0)
  })
})
