import { userInfo } from 'node:os'
import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { createGatewayApi, ownUrl } from '../../server/cli/gateway-api.ts'
import { startFakeServer } from '../support/fake-server.ts'

describe('the address of the gateway on this machine', () => {
  for (const [variables, url] of [
    [{}, 'http://127.0.0.1:8080'],
    [{ HOST: '0.0.0.0', PORT: '81', BASE_PATH: '/recalls/' }, 'http://127.0.0.1:81/recalls'],
    [{ HOST: '::', TLS_CERT: 'cert.pem' }, 'https://127.0.0.1:8080'],
    // It listens nowhere else.
    [{ HOST: '10.0.0.11' }, 'http://10.0.0.11:8080'],
    [{ HOST: '::1' }, 'http://[::1]:8080'],
  ] as const)
    it(`is ${url}`, () => {
      expect(ownUrl(variables)).to.equal(url)
    })
})

describe('the API of a gateway', () => {
  for (const body of ['<h1>Welcome</h1>', '[]', '{}', '{"ok":"true"}', 'null'])
    it(`is nothing that answers ${body}`, async () => {
      const page = await startFakeServer(() => ({ body }))
      try {
        const api = createGatewayApi({ url: page.url }, { RECALL_TOKEN: 't' })
        const failure = await api.get('/v1/status').catch((error: unknown) => error)
        expect(failure).to.have.property('code', 'SEND_FAILED')
        expect(failure).to.have.property('message').that.includes('is it one?')
      } finally {
        page.stop()
      }
    })

  it('is asked in the name of who runs the command, also with sudo', async () => {
    let authorization = ''
    const page = await startFakeServer(({ headers }) => {
      authorization = headers.authorization ?? ''
      return { body: '{"ok":true}' }
    })
    const isRoot = userInfo().uid === 0
    for (const [SUDO_USER, name] of [
      ['alice', isRoot ? 'alice' : userInfo().username],
      ['', userInfo().username],
    ] as const) {
      await createGatewayApi({ url: page.url }, { JWT_SECRET: 's'.repeat(32), SUDO_USER }).get('/v1/status')
      expect(decodeJwt(authorization.split(' ')[1] ?? '').sub).to.equal(`cli:${name}`)
    }
    page.stop()
  })
})
