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

  for (const room of [undefined, GROUP, TOPIC] as const)
    describe(`about ${JSON.stringify(room) ?? 'everything'} that were returned`, () => {
      type Step = (revocations: Revocations) => void
      const order =
        (end: number): Step =>
        (revocations) =>
          revocations.add('u', room, end, 0)
      const back =
        (...ends: number[]): Step =>
        (revocations) =>
          revocations.giveBack('u', room, ends, 0)
      const until = (...steps: readonly Step[]): number => {
        const revocations = new Revocations()
        for (const step of steps) step(revocations)
        return [0, 50, 100, 200].find((atMs) => !revocations.isRevoked('u', room ?? FEED, atMs)) ?? Infinity
      }

      it('count no more, in whatever order they are read, and however often', () => {
        for (const steps of [
          [order(100), order(50), back(100, 50)],
          [back(100, 50), order(100), order(50)],
          [order(100), back(50, 100), order(100), order(50), order(100)],
        ])
          expect(until(...steps)).to.equal(0)
      })

      it('end no other order, a later shorter one neither', () => {
        expect(until(order(100), order(50), back(100))).to.equal(50)
        expect(until(order(100), back(100), order(50))).to.equal(50)
        expect(until(order(50), back(50), back(50), order(200))).to.equal(200)
        expect(until(order(200), back(50))).to.equal(200)
      })

      it('end no order about anything else', () => {
        const revocations = new Revocations()
        for (const one of [undefined, GROUP, TOPIC, { official: 'o' }]) revocations.add('u', one, 100, 0)
        revocations.add('v', room, 100, 0)
        revocations.giveBack('u', room, [100], 0)
        const left = revocations.list(0).map(({ userId, room: of }) => [userId, of])
        expect(left).to.have.length(4)
        expect(left).to.not.deep.include(['u', room])
      })

      it('leave no end to a new order that it shares with one of them', () => {
        const revocations = new Revocations()
        revocations.add('u', room, 100, 0)
        expect(revocations.freeEnd('u', room, 100)).to.equal(100)
        revocations.giveBack('u', room, [100, 101], 0)
        expect(revocations.freeEnd('u', room, 100)).to.equal(102)
        expect(revocations.freeEnd('u', room, 99)).to.equal(99)
      })
    })

  it('are listed, the latest first, each room with its longest order', () => {
    const revocations = new Revocations()
    revocations.add('u', undefined, 100, 0, 1)
    revocations.add('u', undefined, 90, 0, 5)
    revocations.add('v', TOPIC, 50, 0, 3)
    revocations.add('w', GROUP, 10, 0, 4)
    expect(revocations.list(20)).to.deep.equal([
      { userId: 'v', room: TOPIC, untilMs: 50, atMs: 3 },
      { userId: 'u', untilMs: 100, atMs: 1 },
    ])
    expect(revocations.ends('u', undefined, 20)).to.deep.equal([100, 90])
  })

  it('take no more memory for more orders about one room, and the longest still counts', () => {
    const revocations = new Revocations()
    for (let i = 1_000; i > 0; i--) revocations.add('u', GROUP, 10_000 + i, 0)
    expect(revocations.ends('u', GROUP, 0))
      .to.have.length(100)
      .and.include(11_000)
  })

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
