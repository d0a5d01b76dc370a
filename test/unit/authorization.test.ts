import { expect } from 'chai'
import { createAuthorise } from '../../server/auth/authorization.ts'
import type { Principal } from '../../server/auth/principal.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Conversation } from '../../shared/recall.ts'
import { FEED } from '../../shared/room.ts'

const ENDS = 1_800_000_000_000
const member = (...grants: Principal['grants']): Principal => ({
  id: 'm',
  role: 'member',
  grants,
  expiresAtMs: ENDS,
})

describe('authorise', () => {
  const authorise = createAuthorise({})

  it('lets an admin into every room until the credential ends', async () => {
    const admin: Principal = { id: 'a', role: 'admin', grants: [], expiresAtMs: ENDS }
    for (const room of [FEED, { group: 'g' }, { group: 'g', topic: 't' }])
      expect(await authorise(admin, room)).to.equal(ENDS)
  })

  it('lets a member with a group into the group and its topics, and nowhere else', async () => {
    expect(await authorise(member({ group: 'g' }), { group: 'g' })).to.equal(ENDS)
    expect(await authorise(member({ group: 'g' }), { group: 'g', topic: 't' })).to.equal(ENDS)
    expect(await authorise(member({ group: 'g' }), { group: 'h' })).to.equal(undefined)
    expect(await authorise(member({ group: 'g' }), { group: 'h', topic: 't' })).to.equal(undefined)
  })

  it('lets a member with a topic into that topic alone', async () => {
    const grant = member({ group: 'g', topic: 't' })
    expect(await authorise(grant, { group: 'g', topic: 't' })).to.equal(ENDS)
    expect(await authorise(grant, { group: 'g', topic: 'u' })).to.equal(undefined)
    expect(await authorise(grant, { group: 'h', topic: 't' })).to.equal(undefined)
    expect(await authorise(grant, { group: 'g' })).to.equal(undefined)
  })

  it('lets no member into the feed', async () => {
    expect(await authorise(member({ group: 'feed' }), FEED)).to.equal(undefined)
  })

  describe('with memberships', () => {
    const asked: [string, Conversation][] = []
    const memberships = {
      async grantedUntil(userId: string, conversation: Conversation) {
        asked.push([userId, conversation])
        if (conversation.group === 'away') throw new GatewayError('BROKER_UNAVAILABLE')
        return { short: ENDS - 1, long: ENDS + 1 }[conversation.group]
      },
    }
    const authoriseMembers = createAuthorise({ memberships })
    beforeEach(() => void (asked.length = 0))

    it('asks for what the credential does not grant, and never beyond the credential', async () => {
      expect(await authoriseMembers(member(), { group: 'short' })).to.equal(ENDS - 1)
      expect(await authoriseMembers(member(), { group: 'long', topic: 't' })).to.equal(ENDS)
      expect(await authoriseMembers(member(), { group: 'other' })).to.equal(undefined)
      expect(asked[1]).to.deep.equal(['m', { group: 'long', topic: 't' }])
    })

    it('asks for no admin, no grant and no feed', async () => {
      await authoriseMembers({ ...member(), role: 'admin' }, { group: 'long' })
      await authoriseMembers(member({ group: 'long' }), { group: 'long' })
      expect(await authoriseMembers(member(), FEED)).to.equal(undefined)
      expect(asked).to.be.empty
    })

    it('lets nobody in when nobody can tell', async () => {
      const outcome = await authoriseMembers(member(), { group: 'away' }).catch((error: unknown) => error)
      expect(outcome).to.be.instanceOf(GatewayError)
    })
  })
})
