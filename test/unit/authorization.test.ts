import { expect } from 'chai'
import { createAuthorization } from '../../server/auth/authorization.ts'
import type { Principal } from '../../server/auth/principal.ts'
import { Revocations } from '../../server/auth/revocations.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

const EXPIRES_AT_MS = Date.now() + 3_600_000
const REFUSED = 'ROOM_REFUSED'
const admin: Principal = { id: 'a', role: 'admin', grants: [], expiresAtMs: EXPIRES_AT_MS }
const member = (...grants: Principal['grants']): Principal => ({
  id: 'm',
  role: 'member',
  grants,
  expiresAtMs: EXPIRES_AT_MS,
})

/** Builds an authorization, and a function that returns until when access is granted, or the code of the refusal. */
function setUp(memberships?: Parameters<typeof createAuthorization>[0]['memberships']) {
  const revocations = new Revocations()
  const authorization = createAuthorization({ authenticate: async () => admin, memberships, revocations })
  const authorize = (principal: Principal, room: Room): Promise<number | string> =>
    authorization.authorize(principal, room).catch((error: unknown) => {
      if (error instanceof GatewayError) return error.code
      throw error
    })
  return { authorization, authorize, revocations }
}

describe('authorization', () => {
  it('lets an admin into every room until the credential expires', async () => {
    const { authorize } = setUp()
    for (const room of [FEED, { group: 'g' }, { group: 'g', topic: 't' }])
      expect(await authorize(admin, room)).to.equal(EXPIRES_AT_MS)
  })

  it('lets a member with a grant for a group into the group and its topics, and nowhere else', async () => {
    const { authorize } = setUp()
    expect(await authorize(member({ group: 'g' }), { group: 'g' })).to.equal(EXPIRES_AT_MS)
    expect(await authorize(member({ group: 'g' }), { group: 'g', topic: 't' })).to.equal(EXPIRES_AT_MS)
    expect(await authorize(member({ group: 'g' }), { group: 'h' })).to.equal(REFUSED)
    expect(await authorize(member({ group: 'g' }), { group: 'h', topic: 't' })).to.equal(REFUSED)
  })

  it('lets a member with a grant for a topic into that topic only', async () => {
    const { authorize } = setUp()
    const principal = member({ group: 'g', topic: 't' })
    expect(await authorize(principal, { group: 'g', topic: 't' })).to.equal(EXPIRES_AT_MS)
    expect(await authorize(principal, { group: 'g', topic: 'u' })).to.equal(REFUSED)
    expect(await authorize(principal, { group: 'h', topic: 't' })).to.equal(REFUSED)
    expect(await authorize(principal, { group: 'g' })).to.equal(REFUSED)
  })

  it('lets both users into their conversation without a grant, and others only with one', async () => {
    const { authorize } = setUp()
    expect(await authorize(member(), { c2c: ['a', 'm'] })).to.equal(EXPIRES_AT_MS)
    expect(await authorize(member(), { c2c: ['m', 'z'] })).to.equal(EXPIRES_AT_MS)
    expect(await authorize(member(), { c2c: ['a', 'mm'] })).to.equal(REFUSED)
    const moderator = member({ c2c: ['a', 'b'] })
    expect(await authorize(moderator, { c2c: ['a', 'b'] })).to.equal(EXPIRES_AT_MS)
    for (const c2c of [
      ['a', 'c'],
      ['b', 'c'],
      ['a', 'a'],
      ['b', 'b'],
    ] as const)
      expect(await authorize(moderator, { c2c })).to.equal(REFUSED)
    expect(await authorize(moderator, { group: 'a' })).to.equal(REFUSED)
    expect(await authorize(moderator, { official: 'a' })).to.equal(REFUSED)
  })

  it('lets a member with a grant for an official account into that one only', async () => {
    const { authorize } = setUp()
    const subscriber = member({ official: 'o' })
    expect(await authorize(subscriber, { official: 'o' })).to.equal(EXPIRES_AT_MS)
    for (const room of [
      { official: 'p' },
      { group: 'o' },
      { c2c: ['o', 'o'] },
      { group: 'o', topic: 'o' },
    ] as const)
      expect(await authorize(subscriber, room)).to.equal(REFUSED)
    expect(await authorize(member({ group: 'o' }), { official: 'o' })).to.equal(REFUSED)
    expect(await authorize(member({ group: 'o' }), { c2c: ['a', 'b'] })).to.equal(REFUSED)
  })

  it('refuses a conversation that is revoked, and none of another kind or of others', async () => {
    const { authorization, authorize, revocations } = setUp()
    const rooms: Room[] = [{ c2c: ['a', 'm'] }, { official: 'o' }, { group: 'g' }]
    for (const [i, revoked] of rooms.entries()) {
      const user = `m${i}`
      revocations.add(user, revoked, EXPIRES_AT_MS, Date.now())
      for (const room of [...rooms, { c2c: ['b', 'm'] } as const, { official: 'p' }, { group: 'h' }])
        expect(authorization.isRevoked(user, room), JSON.stringify([revoked, room])).to.equal(
          room === revoked,
        )
      // The feed holds all of them.
      expect(authorization.isRevoked(user, FEED)).to.equal(true)
    }
    revocations.add('m', { c2c: ['a', 'm'] }, EXPIRES_AT_MS, Date.now())
    expect(await authorize(member(), { c2c: ['a', 'm'] })).to.equal(REFUSED)
    expect(await authorize(member(), { c2c: ['b', 'm'] })).to.equal(EXPIRES_AT_MS)
  })

  it('refuses the feed to members', async () => {
    expect(await setUp().authorize(member({ group: 'feed' }), FEED)).to.equal(REFUSED)
  })

  it('refuses an expired credential, rather than the room', async () => {
    const { authorize } = setUp()
    const expiresAtMs = Date.now() - 1
    expect(await authorize({ ...admin, expiresAtMs }, { group: 'g' })).to.equal('TOKEN_EXPIRED')
  })

  it('refuses a room that an admin has revoked, whatever the grant', async () => {
    const { authorization, authorize, revocations } = setUp()
    revocations.add('m', { group: 'g' }, EXPIRES_AT_MS, Date.now())
    expect(await authorize(member({ group: 'g' }), { group: 'g', topic: 't' })).to.equal(REFUSED)
    expect(authorization.isRevoked('m', { group: 'g' })).to.equal(true)
    expect(authorization.isRevoked('m', { group: 'h' })).to.equal(false)
  })

  it('refuses the credential of a banned user', async () => {
    const { authorization, revocations } = setUp()
    expect(await authorization.authenticate({})).to.equal(admin)
    revocations.add('a', undefined, EXPIRES_AT_MS, Date.now())
    const outcome = await authorization.authenticate({}).catch((error: unknown) => error)
    expect(outcome).to.have.property('code', 'USER_DISCONNECTED')
  })

  describe('with memberships', () => {
    const lookups: [userId: string, conversation: Conversation][] = []
    const { authorize } = setUp({
      async grantedUntil(userId: string, conversation: Conversation) {
        lookups.push([userId, conversation])
        if (conversation.group === 'unknown') throw new GatewayError('MEMBERSHIP_UNKNOWN')
        return { short: EXPIRES_AT_MS - 1, long: EXPIRES_AT_MS + 1 }[conversation.group ?? '']
      },
    })
    beforeEach(() => void (lookups.length = 0))

    it('looks up a room without a grant, and never exceeds the credential', async () => {
      expect(await authorize(member(), { group: 'short' })).to.equal(EXPIRES_AT_MS - 1)
      expect(await authorize(member(), { group: 'long', topic: 't' })).to.equal(EXPIRES_AT_MS)
      expect(await authorize(member(), { group: 'other' })).to.equal(REFUSED)
      expect(lookups[1]).to.deep.equal(['m', { group: 'long', topic: 't' }])
    })

    it('looks up who follows an official account, and never who is in a conversation of two', async () => {
      expect(await authorize(member(), { c2c: ['a', 'b'] })).to.equal(REFUSED)
      expect(lookups).to.be.empty
      await authorize(member(), { official: 'o' })
      expect(lookups).to.deep.equal([['m', { official: 'o' }]])
    })

    it('looks up nothing for an admin, a grant or the feed', async () => {
      await authorize(admin, { group: 'long' })
      await authorize(member({ group: 'long' }), { group: 'long' })
      expect(await authorize(member(), FEED)).to.equal(REFUSED)
      expect(lookups).to.be.empty
    })

    it('looks up again what runs out before it is used, and never takes that for a refusal', async () => {
      const untils = [Date.now() - 1, EXPIRES_AT_MS - 1]
      const once = setUp({ grantedUntil: async () => untils.shift() })
      expect(await once.authorize(member(), { group: 'g' })).to.equal(EXPIRES_AT_MS - 1)
      const always = setUp({ grantedUntil: async () => Date.now() - 1 })
      expect(await always.authorize(member(), { group: 'g' })).to.equal('MEMBERSHIP_UNKNOWN')
    })

    it('grants nothing when the lookup fails', async () => {
      expect(await authorize(member(), { group: 'unknown' })).to.equal('MEMBERSHIP_UNKNOWN')
    })
  })
})
