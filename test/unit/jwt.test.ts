import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, JWTHeaderParameters } from 'jose'
import { createJwtVerifier as createVerifier } from '../../server/auth/jwt.ts'
import type { VerifyJwt } from '../../server/auth/jwt.ts'
import { pino } from 'pino'
import { GatewayError } from '../../shared/errors.ts'
import { fairClock } from '../support/fair-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const SECRET = 's'.repeat(32)
const OTHER = 'o'.repeat(32)
const log = pino({ level: 'silent' })
const createJwtVerifier = (options: Parameters<typeof createVerifier>[0]) => createVerifier(options, log)
const nowS = () => Math.floor(Date.now() / 1_000)
const bytes = (text: string) => new TextEncoder().encode(text)

const sign = (
  key: CryptoKey | Uint8Array,
  claims: Readonly<Record<string, unknown>> = {},
  header: JWTHeaderParameters = { alg: 'HS256' },
) => new SignJWT({ sub: 'u', exp: nowS() + 600, ...claims }).setProtectedHeader(header).sign(key)

describe('JWT', () => {
  const onCleanUp = cleanUpAfterEach()
  const outcome = async (verify: VerifyJwt, token: string): Promise<string> =>
    verify(token).then(
      ({ id }) => id,
      (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
    )

  const refusal = async (verify: VerifyJwt, token: string): Promise<GatewayError> =>
    verify(token).then(
      () => expect.fail('it was accepted'),
      (error: unknown) => error as GatewayError,
    )

  it('signed with any secret of a rotation is valid, and with any other is refused', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET, OTHER] })
    expect(await outcome(verify, await sign(bytes(SECRET)))).to.equal('u')
    expect(await outcome(verify, await sign(bytes(OTHER)))).to.equal('u')
    expect(await outcome(verify, await sign(bytes('x'.repeat(32))))).to.equal('TOKEN_REFUSED')
  })

  it('expires to the second, and is refused before its time, but not for good', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const refusalOf = async (claims: Readonly<Record<string, unknown>>) =>
      refusal(verify, await sign(bytes(SECRET), claims))
    const late = await refusalOf({ exp: nowS() - 100 })
    expect(late).to.include({ code: 'TOKEN_EXPIRED', retry: true })
    expect(late.message).to.match(/^the credential has expired: 10[01] s ago/)
    expect(await refusalOf({ exp: nowS() })).to.include({ code: 'TOKEN_EXPIRED' })
    // The next one would be refused for that as well.
    expect(await refusalOf({ exp: nowS(), sub: '' })).to.include({ code: 'TOKEN_REFUSED', retry: false })
    expect(await refusalOf({ exp: undefined }))
      .to.have.property('message')
      .contain('exp is missing')
    const early = await refusalOf({ nbf: nowS() + 30 })
    expect(early).to.include({ code: 'TOKEN_REFUSED', retry: true })
    expect(early).to.have.property('retryInMs').within(23_000, 25_000)
    expect(await outcome(verify, await sign(bytes(SECRET), { nbf: nowS() + 2 }))).to.equal('u')
  })

  it('may have times with a fraction, and none in milliseconds', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const exp = nowS() + 600.336421
    const { expiresAtMs } = await verify(
      await sign(bytes(SECRET), { exp, iat: nowS() - 0.5, nbf: nowS() - 0.5 }),
    )
    expect(expiresAtMs).to.equal(Math.floor(exp * 1_000))
    const milliseconds = await refusal(verify, await sign(bytes(SECRET), { exp: Date.now() + 600_000 }))
    expect(milliseconds).to.have.property('message').contain('not in milliseconds')
  })

  it('takes null and empty claims as missing', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const unset = [undefined, null, '']
    for (const value of unset) {
      const claims = { role: value, nbf: value, iat: value, iss: value, aud: value, rooms: value }
      expect(await verify(await sign(bytes(SECRET), claims))).to.include({ id: 'u', role: 'member' })
      const rooms = [{ group: 'g', topic: value }]
      expect((await verify(await sign(bytes(SECRET), { rooms }))).grants).to.deep.equal([{ group: 'g' }])
      for (const name of ['sub', 'exp']) {
        const refused = await refusal(verify, await sign(bytes(SECRET), { [name]: value }))
        expect(refused).to.have.property('message').contain(`${name} is missing`)
      }
    }
  })

  it('grants conversations of two, in any order, and official accounts', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const rooms = [{ c2c: ['b', 'a'], group: null }, { official: 'o', topic: '' }, { group: 'g' }]
    const { grants } = await verify(await sign(bytes(SECRET), { rooms }))
    expect(grants).to.deep.equal([{ c2c: ['a', 'b'] }, { official: 'o' }, { group: 'g' }])
  })

  it('grants nothing by what is not understood, and the refusal names it', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const grants: Readonly<Record<string, unknown>> = {
      '"Topic"': { group: 'g', Topic: 't' },
      '"topic_id"': { group: 'g', topic_id: 't' },
      'rooms[0].group': { group: '' },
      'rooms[0].topic': { group: 'g', topic: 7 },
      'rooms[0] must be': 'g',
      'rooms[0].c2c must be a list of two users': { c2c: ['a'] },
      'rooms[0].c2c must be': { c2c: ['a', 'b', 'c'] },
      'rooms[0].c2c': { c2c: ['a', ''] },
      'c2c must be a list': { c2c: 'a' },
      'rooms[0].official': { official: 7 },
      'not several at once': { c2c: ['a', 'b'], group: 'g' },
      'one of': { official: 'o', topic: 't' },
      '"user"': { c2c: ['a', 'b'], user: 'a' },
    }
    for (const [named, grant] of Object.entries(grants)) {
      const refused = await refusal(verify, await sign(bytes(SECRET), { rooms: [grant] }))
      expect(refused).to.have.property('message').contain(named)
    }
  })

  /** Claims as these providers issue them, with identifiers made up. */
  const PROVIDERS: Readonly<
    Record<string, readonly [claims: Readonly<Record<string, unknown>>, audience?: string]>
  > = {
    Auth0: [
      {
        iss: 'https://app.auth0.example/',
        sub: 'auth0|5f7c8ec7',
        aud: ['api', 'https://app.auth0.example/userinfo'],
        azp: 'x',
        scope: 'openid',
        gty: 'password',
      },
      'api',
    ],
    Firebase: [
      {
        iss: 'https://securetoken.example/p',
        aud: 'p',
        auth_time: 1,
        user_id: 'Zx1',
        sub: 'Zx1',
        email_verified: false,
        firebase: { identities: {}, sign_in_provider: 'custom' },
      },
      'p',
    ],
    Supabase: [
      {
        aud: 'authenticated',
        sub: '8d0fd2b3-9ca7-4d9e-a95f-9e13dded323e',
        email: '',
        phone: '',
        role: 'authenticated',
        aal: 'aal1',
        amr: [{ method: 'password', timestamp: 1 }],
        session_id: 's',
        is_anonymous: false,
        app_metadata: {},
        user_metadata: {},
      },
      'authenticated',
    ],
    'Cognito, access token': [
      {
        sub: 'aaaa-bbbb',
        'cognito:groups': ['g'],
        client_id: 'c',
        token_use: 'access',
        auth_time: 1,
        version: 2,
      },
    ],
    Keycloak: [
      {
        sub: 'f:1:u',
        typ: 'Bearer',
        azp: 'app',
        aud: ['account', 'app'],
        acr: '1',
        'allowed-origins': ['*'],
        realm_access: { roles: ['offline_access'] },
        resource_access: { account: { roles: [] } },
        sid: 's',
      },
      'app',
    ],
    'Azure AD': [
      {
        aud: 'api://app',
        iss: 'https://sts.example/t/',
        aio: 'E2',
        oid: 'o',
        roles: ['Reader'],
        scp: 'access',
        sub: 'AbC_-1',
        tid: 't',
        uti: 'u',
        ver: '2.0',
        xms_ftd: null,
      },
      'api://app',
    ],
    Clerk: [
      {
        azp: 'https://app.example',
        fva: [0, -1],
        iss: 'https://clerk.example',
        org_role: 'admin',
        sid: 'sess_1',
        sts: 'active',
        sub: 'user_1',
        v: 2,
      },
    ],
    'Django, with numeric users': [{ token_type: 'access', jti: 'j', user_id: 1002, sub: 1002, role: 7 }],
    'a provider with several roles': [{ sub: 'u', role: ['admin', 'user'] }],
  }
  for (const [provider, [claims, audience]] of Object.entries(PROVIDERS)) {
    it(`of ${provider} is one of a member`, async () => {
      const verify = createJwtVerifier({
        secrets: [SECRET],
        audiences: audience === undefined ? [] : [audience],
      })
      const token = await sign(bytes(SECRET), {
        iat: nowS() - 1.5,
        nbf: nowS() - 1.5,
        exp: nowS() + 300.25,
        ...claims,
      })
      expect(await verify(token)).to.include({ id: String(claims['sub']), role: 'member' })
    })
  }

  it('has one form: padding and unused bits are refused, and so is what surrounds it', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const token = await sign(bytes(SECRET))
    const last = token.at(-1) ?? ''
    const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const sameBits = ALPHABET[ALPHABET.indexOf(last) ^ 1] ?? ''
    for (const other of [
      `${token}=`,
      `${token}==`,
      `${token.slice(0, -1)}${sameBits}`,
      `${token} `,
      `${token}\n`,
      ` ${token}`,
    ])
      expect(await outcome(verify, other)).to.equal('TOKEN_REFUSED')
    expect(await refusal(verify, `Bearer ${token}`))
      .to.have.property('message')
      .contain('without "Bearer"')
    expect(await outcome(verify, token)).to.equal('u')
  })

  it('is refused with a part of its signature, with more than it, and with none of it', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const token = await sign(bytes(SECRET))
    const [head = '', claims = '', signature = ''] = token.split('.')
    const whole = Buffer.from(signature, 'base64url')
    for (const wrong of [
      whole.subarray(0, 31),
      whole.subarray(1),
      Buffer.concat([whole, whole]),
      Buffer.alloc(32),
    ])
      expect(await outcome(verify, `${head}.${claims}.${wrong.toString('base64url')}`)).to.equal(
        'TOKEN_REFUSED',
      )
    expect(await outcome(verify, token)).to.equal('u')
  })

  it('expires although it is cached, and no other token matches its entry', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const token = await sign(bytes(SECRET), { exp: nowS() + 2 })
    expect(await outcome(verify, token)).to.equal('u')
    expect(await verify(token)).to.equal(await verify(token))
    const [head = '', claims = '', signature = ''] = token.split('.')
    const others = [`${head}.${claims}.${signature.toLowerCase()}`, `${head}.${claims}.`]
    for (const other of others) expect(await outcome(verify, other)).to.equal('TOKEN_REFUSED')
    await waitUntil('the token expires', async () => (await outcome(verify, token)) === 'TOKEN_EXPIRED')
  })

  it('must name the issuer and the audience, where they are configured', async () => {
    const verify = createJwtVerifier({
      secrets: [SECRET],
      issuers: ['other', 'app'],
      audiences: ['other', 'recalls'],
    })
    expect(await outcome(verify, await sign(bytes(SECRET), { iss: 'app', aud: ['x', 'recalls'] }))).to.equal(
      'u',
    )
    for (const claims of [{}, { iss: 'app' }, { iss: 'else', aud: 'recalls' }, { iss: 'app', aud: 'else' }])
      expect(await outcome(verify, await sign(bytes(SECRET), claims))).to.equal('TOKEN_REFUSED')
  })

  it('may name the issuer with or without a final slash, and a refusal names the claim that is wrong', async () => {
    for (const issuer of ['https://issuer.example', 'https://issuer.example/']) {
      const verify = createJwtVerifier({ secrets: [SECRET], issuers: [issuer], audiences: ['recalls'] })
      const good = { iss: 'https://issuer.example/', aud: 'recalls' }
      expect(await outcome(verify, await sign(bytes(SECRET), good))).to.equal('u')
      expect(
        await outcome(verify, await sign(bytes(SECRET), { ...good, iss: good.iss.slice(0, -1) })),
      ).to.equal('u')
      for (const [claims, named] of [
        [{ iss: 'https://issuer.example//' }, 'JWT_ISSUER'],
        [{ iss: undefined }, 'iss is missing'],
        [{ aud: ['a', 'b'] }, '"a, b"'],
        [{ aud: [] }, 'aud is missing'],
      ] as const) {
        const refused = await refusal(verify, await sign(bytes(SECRET), { ...good, ...claims }))
        expect(refused).to.have.property('message').contain(named)
      }
    }
  })

  describe('signed with a key of a JWKS', () => {
    const makeKeys = async (alg: string, kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
      return { publicKey, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
    }
    const serve = async () => {
      const state = { body: '', status: 200, fetches: 0, hangs: false }
      const server = createServer((_request, response) => {
        state.fetches++
        if (state.hangs) return
        response.setHeader('Content-Type', 'application/json').writeHead(state.status).end(state.body)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const stop = (): void => {
        server.closeAllConnections()
        server.close()
      }
      onCleanUp(stop)
      const { port } = server.address() as AddressInfo
      return { state, stop, url: `http://127.0.0.1:${port}/keys` }
    }

    it('is valid with each of the algorithms, and with no key that is not in the JWKS', async () => {
      const { state, url } = await serve()
      const verify = createJwtVerifier({ secrets: [], jwksUrl: url })
      const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512']
      const keys = await Promise.all([...algorithms, 'EdDSA', 'Ed25519'].map((alg) => makeKeys(alg, alg)))
      state.body = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })
      for (const { privateKey, jwk } of keys) {
        const token = await sign(privateKey, {}, { alg: jwk.alg, kid: jwk.kid })
        expect(await outcome(verify, token)).to.equal('u')
      }
      const stranger = await makeKeys('ES256', 'ES256')
      const forged = await sign(stranger.privateKey, {}, { alg: 'ES256', kid: 'ES256' })
      expect(await outcome(verify, forged)).to.equal('TOKEN_REFUSED')
      const outcomes = []
      for (let i = 0; i < 20; i++) {
        const unknown = await sign(stranger.privateKey, {}, { alg: 'ES256', kid: `unknown-${i}` })
        outcomes.push(await outcome(verify, unknown))
      }
      expect(outcomes.shift()).to.equal('TOKEN_REFUSED')
      expect(new Set(outcomes)).to.deep.equal(new Set(['KEYS_UNAVAILABLE']))
      expect(state.fetches, 'unknown keys do not make it fetch the JWKS again and again').to.be.at.most(2)
    })

    it('is accepted with a key that is new, and is never refused for good while that cannot be known', async () => {
      const { state, url } = await serve()
      const verify = createJwtVerifier({ secrets: [], jwksUrl: url })
      const keys = await Promise.all(['k0', 'k1', 'k2'].map((kid) => makeKeys('ES256', kid)))
      const tokens = await Promise.all(
        keys.map(({ privateKey, jwk }) => sign(privateKey, {}, { alg: 'ES256', kid: jwk.kid })),
      )
      const publish = (...published: number[]) =>
        (state.body = JSON.stringify({ keys: published.map((i) => keys[i]?.jwk) }))
      publish(0)
      expect(await outcome(verify, tokens[0] ?? '')).to.equal('u')
      publish(0, 1)
      const together = await Promise.all([1, 1, 1].map((i) => outcome(verify, tokens[i] ?? '')))
      expect(together).to.deep.equal(['u', 'u', 'u'])
      expect(state.fetches).to.equal(2)
      publish(1, 2)
      const early = await refusal(verify, tokens[2] ?? '')
      expect(early).to.include({ code: 'KEYS_UNAVAILABLE', retry: true })
      expect(early).to.have.property('retryInMs').within(1, 10_000)
      expect(early.message).to.contain('"k2"')
      expect(await outcome(verify, tokens[1] ?? ''), 'others are not affected').to.equal('u')
    })

    it('is not refused for good while one of several servers of the JWKS lags behind', async () => {
      const { state, url } = await serve()
      const verify = createJwtVerifier({ secrets: [], jwksUrl: url })
      const [one, two] = [await makeKeys('ES256', 'one'), await makeKeys('ES256', 'two')]
      const tokens = await Promise.all(
        [one, two].map(({ privateKey, jwk }) => sign(privateKey, {}, { alg: 'ES256', kid: jwk.kid })),
      )
      state.body = JSON.stringify({ keys: [one.jwk] })
      expect(await outcome(verify, tokens[0] ?? '')).to.equal('u')
      state.body = JSON.stringify({ keys: [two.jwk] })
      expect(await outcome(verify, tokens[1] ?? '')).to.equal('u')
      expect(await outcome(verify, tokens[0] ?? '')).to.equal('KEYS_UNAVAILABLE')
    })

    it('is verified although the JWKS has keys that are odd, weak, or for something else', async () => {
      const { state, url } = await serve()
      const verify = createJwtVerifier({ secrets: [], jwksUrl: url })
      const { privateKey, jwk } = await makeKeys('RS256', 'k')
      const signing = await makeKeys('EdDSA', 'e')
      const [weak, large] = [1_024, 521].map((bits) =>
        bits === 521
          ? generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
          : generateKeyPairSync('rsa', { modulusLength: bits }),
      )
      const jwkOf = (pair: typeof weak) => pair?.publicKey.export({ format: 'jwk' })
      const odd = [
        null,
        7,
        {},
        { kty: 'RSA', kid: 'k' },
        { ...jwkOf(weak), kid: 'k', alg: 'RS256' },
        { ...jwkOf(weak), kid: 'weak', alg: 'RS256' },
        { ...jwkOf(large), kid: 'large', alg: 'ES256K' },
        { kty: 'OKP', crv: 'Ed448', x: 'AAAA', kid: 'k' },
        { kty: 'OKP', crv: 'X25519', x: 'AAAA', kid: 'k' },
        { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid: 'e' },
        { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'k' },
        { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA', kid: 'k' },
        { kty: 'oct', k: 'AAAA', kid: 'k' },
        { ...jwk, use: 'enc' },
        { ...jwk, key_ops: ['encrypt'] },
        { ...jwk, alg: 'RSA-OAEP' },
        { ...(await makeKeys('RS256', 'k')).jwk },
      ]
      const usable = [
        { ...jwk, use: null, alg: '', key_ops: null },
        { ...jwk, use: 'sig', key_ops: ['verify'], x5c: ['AAAA'], x5t: 'AAAA' },
        // A private key, published by mistake.
        { ...(await exportJWK(privateKey)), kid: 'k' },
        { kty: jwk.kty, n: jwk.n, e: jwk.e },
      ]
      for (const key of usable) {
        state.body = `\uFEFF${JSON.stringify({ keys: [...odd, key, { ...signing.jwk, alg: 'Ed25519' }] })}`
        const fresh = createJwtVerifier({ secrets: [], jwksUrl: url })
        expect(await outcome(fresh, await sign(privateKey, {}, { alg: 'RS256', kid: 'k' }))).to.equal('u')
        expect(await outcome(fresh, await sign(privateKey, {}, { alg: 'RS256' }))).to.equal('u')
        expect(await outcome(fresh, await sign(signing.privateKey, {}, { alg: 'EdDSA', kid: 'e' }))).to.equal(
          'u',
        )
      }
      state.body = JSON.stringify({ keys: [] })
      expect(await outcome(verify, await sign(privateKey, {}, { alg: 'RS256', kid: 'k' }))).to.equal(
        'KEYS_UNAVAILABLE',
      )
    })

    it('cannot be signed with a public key used as a secret', async () => {
      const { state, url } = await serve()
      const { publicKey, jwk } = await makeKeys('RS256', 'k')
      state.body = JSON.stringify({ keys: [jwk] })
      const verify = createJwtVerifier({ secrets: [SECRET], jwksUrl: url })
      for (const key of [await exportSPKI(publicKey), JSON.stringify(jwk)]) {
        const forged = await sign(bytes(key), {}, { alg: 'HS256', kid: 'k' })
        expect(await outcome(verify, forged)).to.equal('TOKEN_REFUSED')
      }
      expect(await outcome(verify, await sign(bytes(SECRET)))).to.equal('u')
    })

    it('can be retried when the keys cannot be fetched', async () => {
      const { stop, url } = await serve()
      stop()
      const { privateKey } = await makeKeys('ES256', 'k')
      const token = await sign(privateKey, {}, { alg: 'ES256', kid: 'k' })
      const verify = createJwtVerifier({ secrets: [SECRET], jwksUrl: url })
      expect(await outcome(verify, token)).to.equal('KEYS_UNAVAILABLE')
      expect(await outcome(verify, await sign(bytes(SECRET))), 'other tokens are not affected').to.equal('u')
    })

    it('can be retried when the response is too large or no JWKS', async () => {
      const { privateKey, jwk } = await makeKeys('ES256', 'k')
      const token = await sign(privateKey, {}, { alg: 'ES256', kid: 'k' })
      const jwks = JSON.stringify({ keys: [jwk] })
      for (const [status, body] of [
        [200, `${jwks}${' '.repeat(70_000)}`],
        [200, 'nonsense'],
        [200, '{"keys":1}'],
        [503, jwks],
        [502, '<html>'],
      ] as const) {
        const { state, url } = await serve()
        Object.assign(state, { body, status })
        const verify = createJwtVerifier({ secrets: [], jwksUrl: url })
        expect(await outcome(verify, token), body.slice(0, 20)).to.equal('KEYS_UNAVAILABLE')
      }
    })

    it('is verified with the known keys while a provider takes its time, and while it fails', async () => {
      const { state, stop, url } = await serve()
      const { privateKey, jwk } = await makeKeys('ES256', 'k')
      state.body = JSON.stringify({ keys: [jwk] })
      const token = await sign(privateKey, { exp: nowS() + 86_400 }, { alg: 'ES256', kid: 'k' })
      const verify = createJwtVerifier({ secrets: [], jwksUrl: url })
      expect(await outcome(verify, token)).to.equal('u')
      const now = performance.now.bind(performance)
      onCleanUp(() => void (performance.now = now))
      state.hangs = true
      performance.now = () => now() + 601_000
      const fairMs = fairClock()
      const startedAtMs = fairMs()
      expect(await outcome(verify, token)).to.equal('u')
      expect(fairMs() - startedAtMs).to.be.below(1_000)
      stop()
      performance.now = () => now() + 700_000
      expect(await outcome(verify, token)).to.equal('u')
      const unknown = await sign(
        (await makeKeys('ES256', 'new')).privateKey,
        {},
        { alg: 'ES256', kid: 'new' },
      )
      expect(await outcome(verify, unknown)).to.equal('KEYS_UNAVAILABLE')
    })

    const writeKeys = async () => {
      const folder = temporaryFolder()
      onCleanUp(folder.remove)
      const { privateKey, jwk } = await makeKeys('ES256', 'k')
      const file = join(folder.path, 'keys.json')
      writeFileSync(file, JSON.stringify({ keys: [jwk] }))
      const verify = createJwtVerifier({ secrets: [], jwksUrl: pathToFileURL(file).href })
      return { verify, file, token: await sign(privateKey, {}, { alg: 'ES256', kid: 'k' }) }
    }

    it('is valid with a key in a file, even when verified concurrently', async () => {
      const { verify, token } = await writeKeys()
      const outcomes = await Promise.all([1, 2, 3, 4, 5].map(() => outcome(verify, token)))
      expect(outcomes).to.deep.equal(['u', 'u', 'u', 'u', 'u'])
    })

    it('is verified with the current keys of a file, and with the old ones while the file is broken', async () => {
      const { verify, file, token } = await writeKeys()
      expect(await outcome(verify, token)).to.equal('u')
      writeFileSync(file, '{"keys":1}')
      // How long a file is assumed not to have changed.
      await delay(2_100)
      expect(await outcome(verify, token)).to.equal('u')
      const next = await makeKeys('ES256', 'next')
      writeFileSync(file, JSON.stringify({ keys: [next.jwk] }))
      const newToken = await sign(next.privateKey, {}, { alg: 'ES256', kid: 'next' })
      await waitUntil('the new key is known', async () => (await outcome(verify, newToken)) === 'u')
      expect(await outcome(verify, token)).to.equal('TOKEN_REFUSED')
    })

    it('can be retried when the file cannot be read', async () => {
      const { verify, file, token } = await writeKeys()
      writeFileSync(file, 'nonsense')
      const outcomes = await Promise.all([1, 2].map(() => outcome(verify, token)))
      expect(outcomes).to.deep.equal(['KEYS_UNAVAILABLE', 'KEYS_UNAVAILABLE'])
    })
  })
})
