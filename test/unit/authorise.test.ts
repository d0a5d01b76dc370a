import { expect } from 'chai'
import { authorise } from '../../server/auth/authorise.ts'
import type { Principal } from '../../server/auth/principal.ts'
import { FEED } from '../../shared/room.ts'

const ENDS = 1_800_000_000_000
const member = (...grants: Principal['grants']): Principal => ({
  id: 'm',
  role: 'member',
  grants,
  expiresAtMs: ENDS,
})

describe('authorise', () => {
  it('lets an admin into every room until the credential ends', () => {
    const admin: Principal = { id: 'a', role: 'admin', grants: [], expiresAtMs: ENDS }
    for (const room of [FEED, { group: 'g' }, { group: 'g', topic: 't' }])
      expect(authorise(admin, room)).to.equal(ENDS)
  })

  it('lets a member with a group into the group and its topics, and nowhere else', () => {
    expect(authorise(member({ group: 'g' }), { group: 'g' })).to.equal(ENDS)
    expect(authorise(member({ group: 'g' }), { group: 'g', topic: 't' })).to.equal(ENDS)
    expect(authorise(member({ group: 'g' }), { group: 'h' })).to.equal(undefined)
    expect(authorise(member({ group: 'g' }), { group: 'h', topic: 't' })).to.equal(undefined)
  })

  it('lets a member with a topic into that topic alone', () => {
    const grant = member({ group: 'g', topic: 't' })
    expect(authorise(grant, { group: 'g', topic: 't' })).to.equal(ENDS)
    expect(authorise(grant, { group: 'g', topic: 'u' })).to.equal(undefined)
    expect(authorise(grant, { group: 'h', topic: 't' })).to.equal(undefined)
    expect(authorise(grant, { group: 'g' })).to.equal(undefined)
  })

  it('lets no member into the feed', () => {
    expect(authorise(member({ group: 'feed' }), FEED)).to.equal(undefined)
  })
})
