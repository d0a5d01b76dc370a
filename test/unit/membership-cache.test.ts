import { expect } from 'chai'
import { MembershipCache } from '../../server/auth/membership/membership-cache.ts'
import type { Verdict } from '../../server/auth/membership/membership-cache.ts'

const GROUP = { group: 'g' }

/** Answers questions when the test says so. */
function createOracle() {
  const asked: { readonly userId: string; say: (verdict: Verdict) => void; fail: () => void }[] = []
  const ask = (userId: string) =>
    new Promise<Verdict>((resolve, reject) =>
      asked.push({ userId, say: resolve, fail: () => reject(new Error('nobody knows')) }),
    )
  return { asked, ask, say: (i: number, verdict: Verdict) => asked[i]?.say(verdict) }
}

describe('memberships', () => {
  it('are asked for once, and believed as long as they hold', async () => {
    const { asked, ask, say } = createOracle()
    const memberships = new MembershipCache({ ask, ttlS: 60 })
    const both = [memberships.grantedUntil('u', GROUP), memberships.grantedUntil('u', GROUP)]
    say(0, { allowed: true })
    const [one, two] = await Promise.all(both)
    expect(one)
      .to.equal(two)
      .and.be.within(Date.now() + 59_000, Date.now() + 60_000)
    expect(await memberships.grantedUntil('u', GROUP)).to.equal(one)
    expect(asked).to.have.length(1)
  })

  it('are those of the user, the group and the topic', async () => {
    const { asked, ask } = createOracle()
    const memberships = new MembershipCache({ ask, ttlS: 60 })
    for (const [user, room] of [
      ['u', GROUP],
      ['v', GROUP],
      ['u', { group: 'h' }],
      ['u', { group: 'g', topic: 't' }],
    ] as const)
      void memberships.grantedUntil(user, room)
    expect(asked).to.have.length(4)
  })

  it('hold as long as it was said, and a no not for long', async () => {
    const { ask, say } = createOracle()
    const memberships = new MembershipCache({ ask, ttlS: 3_600 })
    const short = memberships.grantedUntil('u', GROUP)
    say(0, { allowed: true, forS: 5 })
    expect(await short).to.be.within(Date.now() + 4_000, Date.now() + 5_000)
    const no = memberships.grantedUntil('v', GROUP)
    say(1, { allowed: false })
    expect(await no).to.equal(undefined)
    expect(await memberships.grantedUntil('v', GROUP)).to.equal(undefined)
  })

  it('that nobody could tell are asked for again', async () => {
    const { asked, ask, say } = createOracle()
    const memberships = new MembershipCache({ ask, ttlS: 60 })
    const unknown = memberships.grantedUntil('u', GROUP).catch((error: unknown) => error)
    asked[0]?.fail()
    expect(await unknown).to.have.property('code', 'MEMBERSHIP_UNKNOWN')
    const known = memberships.grantedUntil('u', GROUP)
    say(1, { allowed: true })
    expect(await known).to.be.a('number')
  })

  it('that ended while they were asked for are no yes', async () => {
    const { ask, say } = createOracle()
    const memberships = new MembershipCache({ ask, ttlS: 60 })
    for (const forget of [() => memberships.forget('g', 'u'), () => memberships.forget('g')]) {
      const asking = memberships.grantedUntil('u', GROUP).catch((error: unknown) => error)
      forget()
      say(0, { allowed: true })
      say(1, { allowed: true })
      expect(await asking).to.have.property('code', 'MEMBERSHIP_UNKNOWN')
    }
  })

  it('of one user are forgotten with all topics, and not those of others', async () => {
    const { asked, ask } = createOracle()
    const memberships = new MembershipCache({ ask, ttlS: 60 })
    const askAll = async () => {
      const before = asked.length
      const asking = [
        memberships.grantedUntil('u', GROUP),
        memberships.grantedUntil('u', { group: 'g', topic: 't' }),
        memberships.grantedUntil('u2', GROUP),
        memberships.grantedUntil('u', { group: 'g2' }),
      ]
      for (const { say } of asked) say({ allowed: true })
      await Promise.all(asking)
      return asked.length - before
    }
    expect(await askAll()).to.equal(4)
    expect(await askAll()).to.equal(0)
    memberships.forget('g', 'u')
    expect(await askAll()).to.equal(2)
    memberships.forget('g')
    expect(await askAll()).to.equal(3)
  })
})
