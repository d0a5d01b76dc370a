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
import { createJwtVerifier } from '../../server/auth/jwt.ts'
import { GatewayError } from '../../shared/errors.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

const SECRET = 's'.repeat(32)
const OTHER = 'o'.repeat(32)
const nowS = () => Math.floor(Date.now() / 1_000)
const bytes = (text: string) => new TextEncoder().encode(text)

const sign = (
  key: CryptoKey | Uint8Array,
  claims: Readonly<Record<string, unknown>> = {},
  header: JWTHeaderParameters = { alg: 'HS256' },
) => new SignJWT({ sub: 'u', exp: nowS() + 600, ...claims }).setProtectedHeader(header).sign(key)

describe('token', () => {
  const undo = undoAfterEach()
  const outcome = async (check: ReturnType<typeof createJwtVerifier>, token: string): Promise<string> =>
    check(token).then(
      ({ id }) => id,
      (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
    )

  it('of any secret of a rotation holds, of none other', async () => {
    const check = createJwtVerifier({ secrets: [SECRET, OTHER] })
    expect(await outcome(check, await sign(bytes(SECRET)))).to.equal('u')
    expect(await outcome(check, await sign(bytes(OTHER)))).to.equal('u')
    expect(await outcome(check, await sign(bytes('x'.repeat(32))))).to.equal('TOKEN_REFUSED')
  })

  it('ends to the second, and is not taken before its time', async () => {
    const check = createJwtVerifier({ secrets: [SECRET] })
    const refused = ['exp', 'nbf'].map((name) =>
      sign(bytes(SECRET), { [name]: name === 'exp' ? nowS() : nowS() + 30 }),
    )
    for (const token of refused) expect(await outcome(check, await token)).to.equal('TOKEN_REFUSED')
    expect(await outcome(check, await sign(bytes(SECRET), { nbf: nowS() + 2 }))).to.equal('u')
    expect(await outcome(check, await sign(bytes(SECRET), { exp: undefined }))).to.equal('TOKEN_REFUSED')
    expect(await outcome(check, await sign(bytes(SECRET), { exp: nowS() + 0.5 }))).to.equal('TOKEN_REFUSED')
  })

  it('that is remembered ends all the same, and no other one is taken for it', async () => {
    const check = createJwtVerifier({ secrets: [SECRET] })
    const token = await sign(bytes(SECRET), { exp: nowS() + 2 })
    expect(await outcome(check, token)).to.equal('u')
    expect(await check(token)).to.equal(await check(token))
    const [head = '', claims = '', signature = ''] = token.split('.')
    const others = [`${head}.${claims}.${signature.toLowerCase()}`, `${head}.${claims}.`]
    for (const other of others) expect(await outcome(check, other)).to.equal('TOKEN_REFUSED')
    await until('the token ends', async () => (await outcome(check, token)) === 'TOKEN_REFUSED')
  })

  it('must be of the issuer and for the audience, where they are told', async () => {
    const check = createJwtVerifier({ secrets: [SECRET], issuer: 'app', audience: 'recalls' })
    expect(await outcome(check, await sign(bytes(SECRET), { iss: 'app', aud: ['x', 'recalls'] }))).to.equal(
      'u',
    )
    for (const claims of [{}, { iss: 'app' }, { iss: 'else', aud: 'recalls' }, { iss: 'app', aud: 'else' }])
      expect(await outcome(check, await sign(bytes(SECRET), claims))).to.equal('TOKEN_REFUSED')
  })

  describe('of a JWKS', () => {
    const makeKeys = async (alg: string, kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
      return { publicKey, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
    }
    const serve = async () => {
      const state = { body: '', status: 200, fetched: 0 }
      const server = createServer((_request, response) => {
        state.fetched++
        response.setHeader('Content-Type', 'application/json').writeHead(state.status).end(state.body)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const stop = (): void => {
        server.closeAllConnections()
        server.close()
      }
      undo(stop)
      const { port } = server.address() as AddressInfo
      return { state, stop, url: `http://127.0.0.1:${port}/keys` }
    }

    it('holds with each of the algorithms, and of no key that is not in it', async () => {
      const { state, url } = await serve()
      const check = createJwtVerifier({ secrets: [], jwksUrl: url })
      const keys = await Promise.all(['RS256', 'PS256', 'ES256', 'EdDSA'].map((alg) => makeKeys(alg, alg)))
      state.body = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })
      for (const { privateKey, jwk } of keys) {
        const token = await sign(privateKey, {}, { alg: jwk.alg, kid: jwk.kid })
        expect(await outcome(check, token)).to.equal('u')
      }
      const stranger = await makeKeys('ES256', 'ES256')
      const forged = await sign(stranger.privateKey, {}, { alg: 'ES256', kid: 'ES256' })
      expect(await outcome(check, forged)).to.equal('TOKEN_REFUSED')
      for (let i = 0; i < 20; i++) {
        const unknown = await sign(stranger.privateKey, {}, { alg: 'ES256', kid: `unknown-${i}` })
        expect(await outcome(check, unknown)).to.equal('TOKEN_REFUSED')
      }
      expect(state.fetched, 'for unknown keys the JWKS is not read again and again').to.be.at.most(2)
    })

    it('cannot be signed with the public key as if it were a secret', async () => {
      const { state, url } = await serve()
      const { publicKey, jwk } = await makeKeys('RS256', 'k')
      state.body = JSON.stringify({ keys: [jwk] })
      const check = createJwtVerifier({ secrets: [SECRET], jwksUrl: url })
      for (const key of [await exportSPKI(publicKey), JSON.stringify(jwk)]) {
        const forged = await sign(bytes(key), {}, { alg: 'HS256', kid: 'k' })
        expect(await outcome(check, forged)).to.equal('TOKEN_REFUSED')
      }
      expect(await outcome(check, await sign(bytes(SECRET)))).to.equal('u')
    })

    it('can be tried again when the keys cannot be had', async () => {
      const { stop, url } = await serve()
      stop()
      const { privateKey } = await makeKeys('ES256', 'k')
      const token = await sign(privateKey, {}, { alg: 'ES256', kid: 'k' })
      const check = createJwtVerifier({ secrets: [SECRET], jwksUrl: url })
      expect(await outcome(check, token)).to.equal('KEYS_UNAVAILABLE')
      expect(await outcome(check, await sign(bytes(SECRET))), 'others are not touched').to.equal('u')
    })

    it('is not read from an answer that is too large, or no JWKS, which is no fault of the token', async () => {
      const { privateKey, jwk } = await makeKeys('ES256', 'k')
      const token = await sign(privateKey, {}, { alg: 'ES256', kid: 'k' })
      const whole = JSON.stringify({ keys: [jwk] })
      for (const [status, body] of [
        [200, `${whole}${' '.repeat(70_000)}`],
        [200, 'nonsense'],
        [200, '{"keys":1}'],
        [503, whole],
        [502, '<html>'],
      ] as const) {
        const { state, url } = await serve()
        Object.assign(state, { body, status })
        const check = createJwtVerifier({ secrets: [], jwksUrl: url })
        expect(await outcome(check, token), body.slice(0, 20)).to.equal('KEYS_UNAVAILABLE')
      }
    })

    const writeKeys = async () => {
      const folder = temporaryFolder()
      undo(folder.remove)
      const { privateKey, jwk } = await makeKeys('ES256', 'k')
      const file = join(folder.path, 'keys.json')
      writeFileSync(file, JSON.stringify({ keys: [jwk] }))
      const check = createJwtVerifier({ secrets: [], jwksUrl: pathToFileURL(file).href })
      return { check, file, token: await sign(privateKey, {}, { alg: 'ES256', kid: 'k' }) }
    }

    it('in a file holds, for all who come at once', async () => {
      const { check, token } = await writeKeys()
      const outcomes = await Promise.all([1, 2, 3, 4, 5].map(() => outcome(check, token)))
      expect(outcomes).to.deep.equal(['u', 'u', 'u', 'u', 'u'])
    })

    it('in a file is read again when that changes, and the old one serves while that is broken', async () => {
      const { check, file, token } = await writeKeys()
      expect(await outcome(check, token)).to.equal('u')
      writeFileSync(file, '{"keys":1}')
      // As long as a file is believed not to have changed.
      await delay(2_100)
      expect(await outcome(check, token)).to.equal('u')
      const next = await makeKeys('ES256', 'next')
      writeFileSync(file, JSON.stringify({ keys: [next.jwk] }))
      const newToken = await sign(next.privateKey, {}, { alg: 'ES256', kid: 'next' })
      await until('the new key is known', async () => (await outcome(check, newToken)) === 'u')
      expect(await outcome(check, token)).to.equal('TOKEN_REFUSED')
    })

    it('in a file that cannot be read is no fault of the token', async () => {
      const { check, file, token } = await writeKeys()
      writeFileSync(file, 'nonsense')
      const outcomes = await Promise.all([1, 2].map(() => outcome(check, token)))
      expect(outcomes).to.deep.equal(['KEYS_UNAVAILABLE', 'KEYS_UNAVAILABLE'])
    })
  })
})
