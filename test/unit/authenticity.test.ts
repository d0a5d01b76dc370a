import { expect } from 'chai'
import { checkAuthenticity, createExpectedSigns, signatureOf } from '../../server/receiver/authenticity.ts'

/** Token, time and Sign as the provider's Webhook Overview prints them. */
const VECTOR = {
  token: 'xxxxyyyy',
  requestTime: '1669872112',
  sign: '17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061',
}
const AT_MS = 1669872112_000

const check = (changes: Partial<typeof VECTOR> = {}, nowMs = AT_MS, tokens = [VECTOR.token]) => {
  const { sign, requestTime } = { ...VECTOR, ...changes }
  return checkAuthenticity({ sign, requestTime }, createExpectedSigns(tokens), nowMs)
}

describe('authenticity of a webhook', () => {
  it('signs as the provider documents', () => {
    expect(signatureOf(VECTOR.token, VECTOR.requestTime)).to.equal(VECTOR.sign)
  })

  it('accepts a Sign in any letter case', () => {
    expect(check()).to.equal('genuine')
    expect(check({ sign: VECTOR.sign.toUpperCase() })).to.equal('genuine')
  })

  it('accepts any of several tokens', () => {
    expect(check({}, AT_MS, ['other', VECTOR.token])).to.equal('genuine')
    expect(check({}, AT_MS, [VECTOR.token, 'other'])).to.equal('genuine')
    expect(check({}, AT_MS, ['other', 'another'])).to.equal('forged')
  })

  it('accepts a time up to 60 s off, in both directions', () => {
    expect(check({}, AT_MS + 60_000)).to.equal('genuine')
    expect(check({}, AT_MS - 60_000)).to.equal('genuine')
    expect(check({}, AT_MS + 60_001)).to.equal('stale')
    expect(check({}, AT_MS - 60_001)).to.equal('stale')
  })

  it('judges a call that waited to be read by when it may have arrived', () => {
    const judge = (ageMs: number, waitedForMs: number) =>
      checkAuthenticity(VECTOR, createExpectedSigns([VECTOR.token]), AT_MS + ageMs, waitedForMs)
    expect(judge(130_000, 70_000)).to.equal('genuine')
    expect(judge(130_001, 70_000)).to.equal('stale')
    expect(judge(-60_001, 70_000)).to.equal('stale')
  })

  it('does not let a long stall open the past', () => {
    const judge = (ageMs: number) =>
      checkAuthenticity(VECTOR, createExpectedSigns([VECTOR.token]), AT_MS + ageMs, 3_600_000)
    expect(judge(360_000)).to.equal('genuine')
    expect(judge(360_001)).to.equal('stale')
  })

  it('refuses a time other than the signed one', () => {
    expect(check({ requestTime: '1669872113' })).to.equal('forged')
  })

  for (const sign of [
    '',
    'zz',
    VECTOR.sign.slice(1),
    `${VECTOR.sign}0`,
    VECTOR.sign.replace('1', '2'),
    'é'.repeat(64),
  ]) {
    it(`refuses the Sign "${sign.slice(0, 12)}…" of ${sign.length} characters`, () => {
      expect(check({ sign })).to.equal('forged')
    })
  }

  for (const requestTime of ['', '-1669872112', '1669872112.0', '1e9', ' 1669872112', '1669872112000000']) {
    it(`refuses the RequestTime "${requestTime}" even when signed`, () => {
      expect(check({ requestTime, sign: signatureOf(VECTOR.token, requestTime) })).to.equal('forged')
    })
  }

  it('refuses a call without Sign or without RequestTime', () => {
    const { sign, requestTime } = VECTOR
    expect(
      checkAuthenticity({ sign: undefined, requestTime }, createExpectedSigns([VECTOR.token]), AT_MS),
    ).to.equal('forged')
    expect(
      checkAuthenticity({ sign, requestTime: undefined }, createExpectedSigns([VECTOR.token]), AT_MS),
    ).to.equal('forged')
  })

  it('accepts a Sign only for its own second, even right after it was accepted', () => {
    const expectedSigns = createExpectedSigns([VECTOR.token])
    const checkAt = (requestTime: string, sign: string) =>
      checkAuthenticity({ sign, requestTime }, expectedSigns, Number(requestTime) * 1_000)
    const [one, other] = ['1669872112', '1669872113']
    const sign = signatureOf(VECTOR.token, one)
    expect(checkAt(one, sign)).to.equal('genuine')
    expect(checkAt(one, sign)).to.equal('genuine')
    expect(checkAt(other, sign)).to.equal('forged')
    expect(checkAt(other, signatureOf(VECTOR.token, other))).to.equal('genuine')
    expect(checkAt(one, sign)).to.equal('genuine')
  })
})
