import { expect } from 'chai'
import { ownUrl } from '../../server/cli/gateway-api.ts'

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
