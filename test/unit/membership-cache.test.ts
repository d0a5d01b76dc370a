import { expect } from 'chai'
import { MembershipCache } from '../../server/auth/membership/membership-cache.ts'
import type { Verdict } from '../../server/auth/membership/membership-cache.ts'
import { waitUntil } from '../support/wait.ts'

const GROUP = { group: 'g' }

/** A source whose lookups the test completes one by one. */
function createScriptedSource() {
  const lookups: { readonly complete: (verdict: Verdict) => void; readonly fail: () => void }[] = []
  const source = () =>
    new Promise<Verdict>((resolve, reject) =>
      lookups.push({ complete: resolve, fail: () => reject(new Error('unavailable')) }),
    )
  return { lookups, source, complete: (i: number, verdict: Verdict) => lookups[i]?.complete(verdict) }
}

describe('membership cache', () => {
  it('looks up a membership once, and caches it for as long as it holds', async () => {
    const { lookups, source, complete } = createScriptedSource()
    const cache = new MembershipCache({ source, ttlS: 60 })
    const concurrent = [cache.grantedUntil('u', GROUP), cache.grantedUntil('u', GROUP)]
    complete(0, { allowed: true })
    const [first, second] = await Promise.all(concurrent)
    expect(first)
      .to.equal(second)
      .and.be.within(Date.now() + 59_000, Date.now() + 60_000)
    expect(await cache.grantedUntil('u', GROUP)).to.equal(first)
    expect(lookups).to.have.length(1)
  })

  it('keeps users, groups and topics apart', async () => {
    const { lookups, source } = createScriptedSource()
    const cache = new MembershipCache({ source, ttlS: 60 })
    for (const [user, conversation] of [
      ['u', GROUP],
      ['v', GROUP],
      ['u', { group: 'h' }],
      ['u', { group: 'g', topic: 't' }],
    ] as const)
      void cache.grantedUntil(user, conversation)
    expect(lookups).to.have.length(4)
  })

  it('respects the duration that the source gives, and caches a denial', async () => {
    const { lookups, source, complete } = createScriptedSource()
    const cache = new MembershipCache({ source, ttlS: 3_600 })
    const brief = cache.grantedUntil('u', GROUP)
    complete(0, { allowed: true, forS: 5 })
    expect(await brief).to.be.within(Date.now() + 4_000, Date.now() + 5_000)
    const denied = cache.grantedUntil('v', GROUP)
    complete(1, { allowed: false })
    expect(await denied).to.equal(undefined)
    // The user may have joined since.
    const again = await cache.grantedUntil('v', GROUP).catch((error: unknown) => error)
    expect(again).to.include({ code: 'ROOM_REFUSED', retry: true })
    expect(again).to.have.property('retryInMs').within(29_000, 30_000)
    expect(lookups).to.have.length(2)
  })

  it('looks up again after a failure', async () => {
    const { lookups, source, complete } = createScriptedSource()
    const cache = new MembershipCache({ source, ttlS: 60 })
    const failed = cache.grantedUntil('u', GROUP).catch((error: unknown) => error)
    lookups[0]?.fail()
    expect(await failed).to.have.property('code', 'MEMBERSHIP_UNKNOWN')
    const granted = cache.grantedUntil('u', GROUP)
    complete(1, { allowed: true })
    expect(await granted).to.be.a('number')
  })

  it('grants nothing when the membership ends during the lookup', async () => {
    const { source, complete } = createScriptedSource()
    const cache = new MembershipCache({ source, ttlS: 60 })
    for (const forget of [() => cache.forget('g', 'u'), () => cache.forget('g')]) {
      const outcome = cache.grantedUntil('u', GROUP).catch((error: unknown) => error)
      forget()
      complete(0, { allowed: true })
      complete(1, { allowed: true })
      expect(await outcome).to.have.property('code', 'MEMBERSHIP_UNKNOWN')
    }
  })

  it('forgets one user with all topics, or a whole group, and nothing else', async () => {
    const { lookups, source } = createScriptedSource()
    const cache = new MembershipCache({ source, ttlS: 60 })
    const countLookups = async () => {
      const before = lookups.length
      const granted = [
        cache.grantedUntil('u', GROUP),
        cache.grantedUntil('u', { group: 'g', topic: 't' }),
        cache.grantedUntil('u2', GROUP),
        cache.grantedUntil('u', { group: 'g2' }),
      ]
      for (const { complete } of lookups) complete({ allowed: true })
      await Promise.all(granted)
      return lookups.length - before
    }
    expect(await countLookups()).to.equal(4)
    expect(await countLookups()).to.equal(0)
    cache.forget('g', 'u')
    expect(await countLookups()).to.equal(2)
    cache.forget('g')
    expect(await countLookups()).to.equal(3)
  })

  it('drops what has expired before it evicts what holds', async () => {
    let forS = 3_600
    let lookups = 0
    const cache = new MembershipCache({
      source: async () => {
        lookups++
        return { allowed: true, forS }
      },
      ttlS: 60,
    })
    await cache.grantedUntil('first', { group: 'old' })
    forS = 0.001
    await Promise.all(
      Array.from({ length: 99_999 }, (_, i) => cache.grantedUntil(`u${i}`, { group: 'dead' })),
    )
    const endedAtMs = Date.now() + 2
    await waitUntil('they have expired', () => Date.now() > endedAtMs)
    await cache.grantedUntil('one more', { group: 'new' })
    const before = lookups
    await cache.grantedUntil('first', { group: 'old' })
    expect(lookups).to.equal(before)
  })

  it('evicts from the group looked up longest ago', async () => {
    const { lookups, source } = createScriptedSource()
    const cache = new MembershipCache({ source, ttlS: 60 })
    const lookUp = (userId: string, group: string) => void cache.grantedUntil(userId, { group })
    const hasLookedUp = (userId: string, group: string): boolean => {
      const before = lookups.length
      lookUp(userId, group)
      return lookups.length > before
    }
    lookUp('first', 'old')
    lookUp('second', 'old')
    for (let i = 2; i < 100_000; i++) lookUp(`u${i}`, 'recent')
    expect(hasLookedUp('first', 'old')).to.equal(false)
    lookUp('one more', 'recent')
    expect(hasLookedUp('second', 'old'), 'the second is cached').to.equal(false)
    expect(hasLookedUp('u2', 'recent'), 'so is the larger group').to.equal(false)
    expect(hasLookedUp('first', 'old'), 'the first was evicted').to.equal(true)
  })
})
