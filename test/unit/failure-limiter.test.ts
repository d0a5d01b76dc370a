import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { createAuthenticate } from '../../server/auth/authentication.ts'
import { limitFailures } from '../../server/auth/failure-limiter.ts'
import { signToken } from '../../server/auth/jwt.ts'
import { signUserSig } from '../../server/auth/usersig.ts'
import { GatewayError } from '../../shared/errors.ts'
import { pino } from 'pino'

const SECRET = 's'.repeat(32)
const KEY = 'k'.repeat(64)
const APP = '1400000000'
const request = {} as IncomingMessage

describe('the limit of failures', () => {
  const setUp = () => {
    let verified = 0
    const authenticate = createAuthenticate({
      app: APP,
      secrets: [SECRET],
      userSigKey: KEY,
      adminUserIds: [],
      log: pino({ level: 'silent' }),
    })
    const limited = limitFailures(
      (auth) => {
        verified++
        return authenticate(auth)
      },
      () => '192.0.2.1',
    )
    const outcome = (auth: unknown): Promise<string> =>
      limited(request, auth).then(
        ({ id }) => id,
        (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
      )
    return { outcome, verified: () => verified, limited }
  }
  const tokenOf = (ttlS: number, secret = SECRET) =>
    signToken({ id: 'u', role: 'member', rooms: [], ttlS }, { secret })
  const userSigOf = (nowS: number, lifetimeS: number, key = KEY) =>
    signUserSig({ userId: 'u', app: APP, key, nowS: Math.floor(nowS), lifetimeS })

  it('does not count what the app has issued, nor what is missing', async () => {
    const { outcome } = setUp()
    const nowS = Date.now() / 1_000
    const noGuesses = [
      { token: await tokenOf(-10) },
      { userId: 'u', userSig: userSigOf(nowS - 100, 10) },
      { userId: 'u', userSig: userSigOf(nowS + 1_000, 10) },
      {},
      null,
      { token: '' },
      { token: null, userId: null, userSig: null },
      { userId: 'u', userSig: '' },
    ]
    for (const auth of noGuesses)
      for (let i = 0; i < 31; i++)
        expect(await outcome(auth), JSON.stringify(auth)).to.be.oneOf(['TOKEN_REFUSED', 'TOKEN_EXPIRED'])
    expect(await outcome({ token: await tokenOf(60) })).to.equal('u')
    const userSig = signUserSig({ userId: '7', app: APP, key: KEY, nowS: Math.floor(nowS), lifetimeS: 60 })
    expect(await outcome({ userId: 7, userSig }), 'a number for a user is as good').to.equal('7')
  })

  for (const [name, guess] of Object.entries({
    'a token with another signature': async () => ({ token: await tokenOf(60, 'o'.repeat(32)) }),
    'a text that is no token': async () => ({ token: 'nonsense' }),
    'a UserSig of another key': async () => ({
      userId: 'u',
      userSig: userSigOf(Date.now() / 1_000, 60, 'o'.repeat(64)),
    }),
  })) {
    it(`counts ${name}, and says when the next one may come`, async () => {
      const { outcome, limited } = setUp()
      const auth = await guess()
      for (let i = 0; i < 30; i++) expect(await outcome(auth)).to.equal('TOKEN_REFUSED')
      const refused = await limited(request, { token: await tokenOf(60) }).catch((error: unknown) => error)
      expect(refused).to.include({ code: 'TOO_MANY_FAILURES', retry: true })
      expect(refused).to.have.property('retryInMs').within(50_000, 60_000)
    })
  }

  it('holds for guesses that come together, and lets all others through', async () => {
    const { outcome, verified } = setUp()
    const good = await tokenOf(60)
    const together = await Promise.all(Array.from({ length: 400 }, () => outcome({ token: good })))
    expect(new Set(together)).to.deep.equal(new Set(['u']))
    const before = verified()
    const guesses = await Promise.all(Array.from({ length: 400 }, () => outcome({ token: 'nonsense' })))
    expect(verified() - before).to.equal(30)
    expect(guesses.filter((code) => code === 'TOO_MANY_FAILURES')).to.have.length(370)
  })
})
