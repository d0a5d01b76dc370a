import { EventEmitter } from 'node:events'
import { setImmediate as immediate } from 'node:timers/promises'
import { mock } from 'node:test'
import { expect } from 'chai'
import {
  credentialOf,
  credentialReason,
  expiryOf,
  isForAnother,
  isNoNewer,
} from '../../shared/client/credential.ts'
import type { Credential } from '../../shared/client/credential.ts'
import { Refresh } from '../../shared/client/refresh.ts'
import { fixRandom } from '../support/random.ts'

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: object): string => `${part({ alg: 'HS256' })}.${part({ sub: 'u', ...claims })}.s`
const loose = (value: unknown): never => value as never

describe('what should be a credential', () => {
  const got = async (ask: () => unknown): Promise<unknown> => {
    try {
      return await ask()
    } catch (error) {
      return (error as Error).message
    }
  }

  it('is taken if it has the form of one, and nothing else of it is sent', async () => {
    const token = jwt({})
    expect(await credentialOf(undefined, () => `\n${token}\n`)()).to.deep.equal({ token })
    const extra = { token, more: 1n, self: undefined as unknown }
    extra.self = extra
    expect(
      await credentialOf(
        loose(() => extra),
        undefined,
      )(),
    ).to.deep.equal({ token })
    const userSig = { userId: 'u', userSig: 'eJw*-_' }
    expect(await credentialOf(userSig, undefined)()).to.deep.equal(userSig)
    expect(await credentialOf({ token: 'for the gateway to judge' }, undefined)()).to.be.an('object')
  })

  it('is read where there is no `atob`, as in React Native before 0.74', async () => {
    const { atob } = globalThis
    Reflect.deleteProperty(globalThis, 'atob')
    try {
      for (const exp of [1, 1.5, 12, 123]) {
        const token = jwt({ exp, more: '?~\u00ff>' })
        expect(await credentialOf(undefined, () => token)()).to.deep.equal({ token })
        expect(expiryOf({ token })).to.equal(exp * 1_000)
      }
    } finally {
      globalThis.atob = atob
    }
  })

  it('is refused with what it is, and without its text', async () => {
    const cases: [unknown, string][] = [
      [undefined, 'is undefined instead of a JWT'],
      [null, 'is null'],
      ['', 'is an empty text'],
      [' \n', 'is an empty text'],
      [`Bearer ${jwt({})}`, 'begins with "Bearer"'],
      ['<!doctype html><title>s3cret</title>', 'is HTML, such as a login'],
      [JSON.stringify({ token: jwt({}) }), 'is JSON'],
      [JSON.stringify(jwt({})), 'is JSON'],
      ['undefined', 'is the text "undefined"'],
      ['s3cret', 'is text of 6 characters'],
      ['a.b.c', 'is text of 5 characters'],
      [jwt({}).replace(/s$/, ''), 'is a JWT without a signature'],
      [{ jwt: 's3cret' }, 'is of type object'],
      [{ token: 's3cret' }, 'is an object with a token'],
      [new Response('s3cret'), 'is a response, whose text() is needed'],
      [['s3cret'], 'is an array'],
      [1n, 'is of type bigint'],
    ]
    for (const [value, message] of cases) {
      const said = await got(credentialOf(undefined, () => loose(value)))
      expect(said).to.be.a('string').that.includes(message).and.not.includes('s3cret')
      expect(said).to.include('`getToken`')
      if (typeof value !== 'object')
        expect(await got(credentialOf(() => loose({ token: value }), undefined)), message).to.include(message)
    }
    for (const [value, message] of [
      [undefined, '`auth` is undefined'],
      ['s3cret', '`auth` is text of 6 characters'],
      [{}, '`token` of `auth` is undefined'],
      [{ userId: 'u' }, '`userSig` of `auth` is undefined'],
      [{ userId: 'u', userSig: '<html>s3cret' }, '`userSig` of `auth` is HTML'],
      [{ userId: 7, userSig: 's3cret' }, '`userId` of `auth` is of type number'],
    ] as const)
      expect(await got(credentialOf(() => loose(value), undefined)))
        .to.include(message)
        .and.not.include('s3cret')
  })

  it('is refused at once if it is fixed and cannot be sent', () => {
    for (const value of [{}, { token: '' }, { token: 1n }, { userId: 'u', userSig: '' }])
      expect(() => credentialOf(loose(value), undefined)).to.throw(TypeError)
    for (const value of ['s3cret', { token: 's3cret' }, null])
      expect(() => credentialOf(undefined, loose(value))).to.throw(TypeError, 'instead of a function')
  })

  it('is missing for a reason that tells what was thrown', () => {
    expect(credentialReason(new Error('no token: 401'))).to.include('failed: no token: 401')
    expect(credentialReason('offline')).to.include('failed: offline')
    expect(credentialReason(new Error('x'.repeat(9_999))).length).to.be.below(300)
    const odd = [
      Object.assign(new Error(), { message: { status: 401 } }),
      Object.create(null),
      Symbol('no'),
      0,
    ]
    for (const thrown of odd) expect(credentialReason(thrown)).to.match(/failed: ./)
  })
})

describe('a new credential', () => {
  const token = (claims: object): Credential => ({ token: jwt(claims) })

  it('is older than the one in use by its times, and no newer if it is the same', () => {
    const inUse = token({ iat: 10, exp: 100 })
    expect(isNoNewer(inUse, inUse)).to.equal(true)
    expect(isNoNewer(token({ iat: 9, exp: 200 }), inUse)).to.equal(true)
    expect(isNoNewer(token({ exp: 99 }), inUse)).to.equal(true)
    expect(isNoNewer(token({ iat: 11, exp: 50 }), inUse)).to.equal(false)
    expect(isNoNewer(token({ iat: 10, exp: 100, jti: 'other' }), inUse)).to.equal(false)
    expect(isNoNewer({ userId: 'u', userSig: 's' }, inUse)).to.equal(false)
  })

  it('is for another user, or another role', () => {
    const inUse = token({ role: 'admin' })
    expect(isForAnother(token({ role: 'admin', exp: 1 }), inUse)).to.equal(false)
    expect(isForAnother(token({}), inUse)).to.equal(true)
    expect(isForAnother(token({ sub: 'v', role: 'admin' }), inUse)).to.equal(true)
    expect(isForAnother({ userId: 'u', userSig: 's' }, inUse)).to.equal(false)
  })
})

describe('a refresh', () => {
  fixRandom(0)
  const { now } = Date
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  })
  afterEach(() => {
    mock.timers.reset()
    Date.now = now
  })

  const setUp = () => {
    const sent: Credential[] = []
    const errors: string[] = []
    const another: Credential[] = []
    const asked: ((credential: Credential | Error) => void)[] = []
    const socket = Object.assign(new EventEmitter(), { connected: true })
    let answer: unknown = { ok: true, expiresAtMs: 0, expiresInMs: 100_000 }
    const refresh = new Refresh({
      socket: { emit: (_name: string, credential: Credential) => sent.push(credential) } as never,
      requests: {
        send: (emit: (ack: unknown) => void, onAnswer: (answer: unknown) => void) => {
          emit(undefined)
          onAnswer(answer)
        },
      } as never,
      ask: () =>
        new Promise((resolve, reject) =>
          asked.push((given) => (given instanceof Error ? reject(given) : resolve(given))),
        ),
      onError: ({ error }) => errors.push((error as Error).message),
      onAnother: (credential) => another.push(credential),
      onRefreshed: () => undefined,
    })
    const give = async (credential: Credential | Error): Promise<void> => {
      asked.shift()?.(credential)
      await immediate()
    }
    return {
      refresh,
      sent,
      errors,
      another,
      asked,
      socket,
      give,
      answerWith: (next: unknown) => (answer = next),
    }
  }
  const token = (iat: number, claims: object = {}): Credential => ({ token: jwt({ iat, ...claims }) })

  it('begins when a fifth of the life is left that the node has told, whatever the clock says', async () => {
    const { refresh, asked, sent, give } = setUp()
    refresh.begin(token(1, { exp: 1 }))
    refresh.expiresIn(100_000)
    mock.timers.tick(79_000)
    expect(asked).to.be.empty
    mock.timers.tick(2_000)
    expect(asked).to.have.length(1)
    await give(token(2))
    expect(sent).to.deep.equal([token(2)])
    mock.timers.tick(79_000)
    expect(asked).to.be.empty
    mock.timers.tick(2_000)
    expect(asked).to.have.length(1)
  })

  it('that spans a reconnect sends nothing, and one that begins later does', async () => {
    const { refresh, sent, give } = setUp()
    refresh.begin(token(1))
    refresh.expiresIn(10_000)
    mock.timers.tick(9_000)
    refresh.stop()
    refresh.begin(token(3))
    refresh.expiresIn(10_000)
    await give(token(2))
    expect(sent).to.be.empty
    mock.timers.tick(9_000)
    await give(token(4))
    expect(sent).to.deep.equal([token(4)])
  })

  it('sends no token that a cache has returned once more, and asks again soon', async () => {
    const { refresh, sent, errors, asked, give } = setUp()
    refresh.begin(token(2))
    refresh.expiresIn(100_000)
    mock.timers.tick(81_000)
    for (const stale of [token(2), token(1)]) {
      await give(stale)
      mock.timers.tick(1_000)
      expect(asked).to.have.length(1)
    }
    expect(sent).to.be.empty
    await give(token(3))
    expect([sent, errors]).to.deep.equal([[token(3)], []])
  })

  it('tells of what fails, and tries again with a backoff until the end', async () => {
    const { refresh, sent, errors, asked, give, answerWith } = setUp()
    refresh.begin(token(1))
    refresh.expiresIn(10_000)
    mock.timers.tick(8_100)
    await give(new Error('no backend'))
    mock.timers.tick(1_000)
    answerWith({ ok: false, code: 'TOKEN_REFUSED', message: 'forged', retry: false })
    await give(token(2))
    mock.timers.tick(60_000)
    expect(errors).to.deep.equal(['no backend', 'the gateway refuses the new credential: forged'])
    expect([sent.length, asked.length]).to.deep.equal([1, 0])
  })

  it('tells of a new token that has expired already, and asks for another', async () => {
    const { refresh, sent, errors, asked, give, answerWith } = setUp()
    refresh.begin(token(1))
    refresh.expiresIn(100_000)
    mock.timers.tick(81_000)
    answerWith({ ok: false, code: 'TOKEN_EXPIRED', message: 'it is over', retry: true })
    await give(token(2))
    expect(errors).to.deep.equal(['the gateway refuses the new credential: it is over'])
    mock.timers.tick(1_000)
    await give(token(3))
    expect([sent, asked]).to.deep.equal([[token(2), token(3)], []])
  })

  it('with another user takes another connection, and is told', async () => {
    const { refresh, sent, errors, another, give } = setUp()
    refresh.begin(token(1))
    refresh.expiresIn(10_000)
    mock.timers.tick(8_100)
    const other = token(2, { sub: 'v' })
    await give(other)
    expect([sent, another, errors.length]).to.deep.equal([[], [other], 1])
  })

  it('is due at once after sleep', () => {
    const { refresh, asked } = setUp()
    refresh.begin(token(1))
    refresh.expiresIn(3_600_000)
    refresh.check()
    expect(asked).to.be.empty
    const wokeAtMs = Date.now() + 7_200_000
    Date.now = () => wokeAtMs
    refresh.check()
    expect(asked).to.have.length(1)
  })
})
