import { expect } from 'chai'
import { Revocations } from '../../server/auth/revocations.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

const GROUP = { group: 'g' }
const TOPIC = { group: 'g', topic: 't' }

describe('revocations', () => {
  it('revoke a topic until their time, for that user only', () => {
    const revocations = new Revocations()
    revocations.add('u', TOPIC, 100, 0)
    expect(revocations.isRevoked('u', TOPIC, 99)).to.equal(true)
    expect(revocations.isRevoked('u', TOPIC, 100)).to.equal(false)
    expect(revocations.isRevoked('u', { group: 'g', topic: 'other' }, 0)).to.equal(false)
    expect(revocations.isRevoked('u', { group: 'h' }, 0)).to.equal(false)
    expect(revocations.isRevoked('v', TOPIC, 0)).to.equal(false)
    expect(revocations.isBanned('u', 0)).to.equal(false)
  })

  it('revoke what carries the topic too: the room of its group, and the feed', () => {
    const revocations = new Revocations()
    revocations.add('u', TOPIC, 100, 0)
    for (const room of [GROUP, FEED]) {
      expect(revocations.isRevoked('u', room, 99)).to.equal(true)
      expect(revocations.isRevoked('u', room, 100)).to.equal(false)
    }
  })

  it('revoke a group with its topics', () => {
    const revocations = new Revocations()
    revocations.add('u', GROUP, 100, 0)
    expect(revocations.isRevoked('u', TOPIC, 0)).to.equal(true)
    expect(revocations.isRevoked('u', { group: 'h' }, 0)).to.equal(false)
  })

  it('ban the user when they name no room', () => {
    const revocations = new Revocations()
    revocations.add('u', undefined, 100, 0)
    expect(revocations.isBanned('u', 99)).to.equal(true)
    expect(revocations.isRevoked('u', FEED, 99)).to.equal(true)
    expect(revocations.isBanned('u', 100)).to.equal(false)
  })

  for (const room of [undefined, GROUP, TOPIC] as const) {
    it(`end with the longest order for ${JSON.stringify(room) ?? 'the user'}, in whatever order they arrive`, () => {
      for (const ends of [
        [100, 50],
        [50, 100],
        [100, 50, 100, 60],
      ]) {
        const revocations = new Revocations()
        for (const end of ends) revocations.add('u', room, end, 0)
        expect(revocations.isRevoked('u', room ?? FEED, 99)).to.equal(true)
        expect(revocations.isRevoked('u', room ?? FEED, 100)).to.equal(false)
      }
    })
  }

  it('do not count once they have ended, however many there were', () => {
    const revocations = new Revocations()
    for (let i = 0; i < 5_000; i++) {
      revocations.add('u', { group: `g${i}` }, i + 100, i)
      expect(revocations.isBanned('u', i)).to.equal(false)
    }
    expect(revocations.isRevoked('u', { group: 'g4999' }, 5_000)).to.equal(true)
    expect(revocations.isRevoked('u', { group: 'g4000' }, 5_000)).to.equal(false)
    // An order that is over when it is told again, as at a start, counts as little.
    for (let i = 0; i < 5_000; i++) revocations.add('v', { group: `g${i}` }, 10, 20)
    expect(revocations.isBanned('v', 9)).to.equal(false)
  })

  it('ban a user from whom more than 1,000 rooms are revoked at a time, until the last of them returns', () => {
    const orders = Array.from({ length: 1_001 }, (_, i): [Room, number] => [{ group: `g${i}` }, 1_000 + i])
    for (const told of [orders, orders.toReversed()]) {
      const revocations = new Revocations()
      for (const [room, end] of told) revocations.add('u', room, end, 0)
      expect(revocations.isBanned('u', 1_999)).to.equal(true)
      expect(revocations.isBanned('u', 2_000)).to.equal(false)
    }
  })

  it('forget the user whose access returns first when there are more than 10,000, and before that those whose has returned', () => {
    const revocations = new Revocations()
    revocations.add('long', undefined, 1_000, 0)
    revocations.add('short', undefined, 300, 0)
    for (let i = 0; i < 9_998; i++) revocations.add(`u${i}`, undefined, 400, 0)
    revocations.add('one more', undefined, 500, 0)
    expect(revocations.isBanned('short', 0)).to.equal(false)
    expect(revocations.isBanned('long', 0)).to.equal(true)
    expect(revocations.isBanned('u0', 0)).to.equal(true)
    for (let i = 0; i < 9_990; i++) revocations.add(`later${i}`, undefined, 900, 450)
    for (const user of ['long', 'one more', 'later0']) expect(revocations.isBanned(user, 450)).to.equal(true)
  })
})
