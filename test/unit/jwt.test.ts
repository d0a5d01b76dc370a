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
import type { VerifyJwt } from '../../server/auth/jwt.ts'
import { GatewayError } from '../../shared/errors.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const SECRET = 's'.repeat(32)
const OTHER = 'o'.repeat(32)
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

  it('signed with any secret of a rotation is valid, and with any other is refused', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET, OTHER] })
    expect(await outcome(verify, await sign(bytes(SECRET)))).to.equal('u')
    expect(await outcome(verify, await sign(bytes(OTHER)))).to.equal('u')
    expect(await outcome(verify, await sign(bytes('x'.repeat(32))))).to.equal('TOKEN_REFUSED')
  })

  it('expires to the second, and is refused before its time', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const refused = ['exp', 'nbf'].map((name) =>
      sign(bytes(SECRET), { [name]: name === 'exp' ? nowS() : nowS() + 30 }),
    )
    for (const token of refused) expect(await outcome(verify, await token)).to.equal('TOKEN_REFUSED')
    expect(await outcome(verify, await sign(bytes(SECRET), { nbf: nowS() + 2 }))).to.equal('u')
    expect(await outcome(verify, await sign(bytes(SECRET), { exp: undefined }))).to.equal('TOKEN_REFUSED')
    expect(await outcome(verify, await sign(bytes(SECRET), { exp: nowS() + 0.5 }))).to.equal('TOKEN_REFUSED')
  })

  it('expires although it is cached, and no other token matches its entry', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET] })
    const token = await sign(bytes(SECRET), { exp: nowS() + 2 })
    expect(await outcome(verify, token)).to.equal('u')
    expect(await verify(token)).to.equal(await verify(token))
    const [head = '', claims = '', signature = ''] = token.split('.')
    const others = [`${head}.${claims}.${signature.toLowerCase()}`, `${head}.${claims}.`]
    for (const other of others) expect(await outcome(verify, other)).to.equal('TOKEN_REFUSED')
    await waitUntil('the token expires', async () => (await outcome(verify, token)) === 'TOKEN_REFUSED')
  })

  it('must name the issuer and the audience, where they are configured', async () => {
    const verify = createJwtVerifier({ secrets: [SECRET], issuer: 'app', audience: 'recalls' })
    expect(await outcome(verify, await sign(bytes(SECRET), { iss: 'app', aud: ['x', 'recalls'] }))).to.equal(
      'u',
    )
    for (const claims of [{}, { iss: 'app' }, { iss: 'else', aud: 'recalls' }, { iss: 'app', aud: 'else' }])
      expect(await outcome(verify, await sign(bytes(SECRET), claims))).to.equal('TOKEN_REFUSED')
  })

  describe('signed with a key of a JWKS', () => {
    const makeKeys = async (alg: string, kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
      return { publicKey, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
    }
    const serve = async () => {
      const state = { body: '', status: 200, fetches: 0 }
      const server = createServer((_request, response) => {
        state.fetches++
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
      const keys = await Promise.all(['RS256', 'PS256', 'ES256', 'EdDSA'].map((alg) => makeKeys(alg, alg)))
      state.body = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })
      for (const { privateKey, jwk } of keys) {
        const token = await sign(privateKey, {}, { alg: jwk.alg, kid: jwk.kid })
        expect(await outcome(verify, token)).to.equal('u')
      }
      const stranger = await makeKeys('ES256', 'ES256')
      const forged = await sign(stranger.privateKey, {}, { alg: 'ES256', kid: 'ES256' })
      expect(await outcome(verify, forged)).to.equal('TOKEN_REFUSED')
      for (let i = 0; i < 20; i++) {
        const unknown = await sign(stranger.privateKey, {}, { alg: 'ES256', kid: `unknown-${i}` })
        expect(await outcome(verify, unknown)).to.equal('TOKEN_REFUSED')
      }
      expect(state.fetches, 'unknown keys do not make it fetch the JWKS again and again').to.be.at.most(2)
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
