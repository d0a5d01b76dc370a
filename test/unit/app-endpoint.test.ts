import { expect } from 'chai'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAppEndpoint } from '../../server/auth/membership/app-endpoint.ts'
import type { GatewayError } from '../../shared/errors.ts'

describe('the backend of the app', () => {
  it('keeps nobody waiting for a turn while it does not answer', async () => {
    let calls = 0
    const server = createServer(() => void calls++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const ask = createAppEndpoint({ url, secret: 's'.repeat(32), app: '1' })
      const asked = Array.from({ length: 120 }, (_, i) => ask('user', { group: `${i}` }))
      const errors = (await Promise.allSettled(asked)).map((one) => one.status === 'rejected' && one.reason)
      const last = errors.at(-1) as GatewayError
      expect(last.code).to.equal('MEMBERSHIP_UNKNOWN')
      expect(last.message).to.include('AUTHORIZE_URL does not answer')
      // Two more take the places of those that fail first.
      expect(calls).to.be.at.most(52)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  for (const [form, retryAfter] of [
    ['in seconds', '2'],
    ['as a date', () => new Date(Date.now() + 2_000).toUTCString()],
    ['in no known form', 'soon'],
    ['not at all', undefined],
  ] as const)
    it(`is not asked again at once if it is busy and says until when ${form}`, async () => {
      let calls = 0
      const server = createServer((_request, response) => {
        calls++
        const header = typeof retryAfter === 'function' ? retryAfter() : retryAfter
        response.writeHead(503, header === undefined ? {} : { 'Retry-After': header }).end()
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
        const ask = createAppEndpoint({ url, secret: 's'.repeat(32), app: '1' })
        await ask('user', { group: 'a' }).catch(() => undefined)
        const error: unknown = await ask('user', { group: 'b' }).catch((reason: unknown) => reason)
        expect(error).to.have.property('code', 'MEMBERSHIP_UNKNOWN')
        expect(calls).to.equal(1)
      } finally {
        server.close()
        server.closeAllConnections()
      }
    })
})
