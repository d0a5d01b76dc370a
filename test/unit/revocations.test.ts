import { expect } from 'chai'
import { Revocations } from '../../server/auth/revocations.ts'
import { FEED } from '../../shared/room.ts'

describe('revocations', () => {
  it('revoke a topic until their time, for that user only', () => {
    const revocations = new Revocations()
    revocations.add('u', { group: 'g', topic: 't' }, 100)
    expect(revocations.isRevoked('u', { group: 'g', topic: 't' }, 99)).to.equal(true)
    expect(revocations.isRevoked('u', { group: 'g', topic: 't' }, 100)).to.equal(false)
    expect(revocations.isRevoked('u', { group: 'g' }, 0)).to.equal(false)
    expect(revocations.isRevoked('u', FEED, 0)).to.equal(false)
    expect(revocations.isRevoked('v', { group: 'g', topic: 't' }, 0)).to.equal(false)
    expect(revocations.isBanned('u', 0)).to.equal(false)
  })

  it('revoke a group with its topics', () => {
    const revocations = new Revocations()
    revocations.add('u', { group: 'g' }, 100)
    expect(revocations.isRevoked('u', { group: 'g', topic: 't' }, 0)).to.equal(true)
    expect(revocations.isRevoked('u', { group: 'h' }, 0)).to.equal(false)
  })

  it('ban the user when they name no room', () => {
    const revocations = new Revocations()
    revocations.add('u', undefined, 100)
    expect(revocations.isBanned('u', 99)).to.equal(true)
    expect(revocations.isRevoked('u', FEED, 99)).to.equal(true)
    expect(revocations.isBanned('u', 100)).to.equal(false)
  })

  it('are bounded: the oldest user is forgotten, and a user with too many rooms is banned', () => {
    const revocations = new Revocations()
    for (let i = 0; i <= 10_000; i++) revocations.add(`u${i}`, undefined, 100)
    expect(revocations.isBanned('u0', 0)).to.equal(false)
    expect(revocations.isBanned('u1', 0)).to.equal(true)
    for (let i = 0; i <= 1_000; i++) revocations.add('many', { group: `g${i}` }, 100)
    expect(revocations.isBanned('many', 0)).to.equal(true)
  })
})
