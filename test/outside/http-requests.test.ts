import { expect } from 'chai'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { signedQuery } from '../support/webhook.ts'
import { exchange } from './http-exchange.ts'
import { RECALL, REQUEST_CASES } from './http-request-cases.ts'
import type { RequestCase } from './http-request-cases.ts'
import { reportNotForUs } from './not-for-us.ts'

describe('HTTP requests as in h1spec and others', () => {
  let gateway: GatewayProcess
  let query = ''
  before(async () => (gateway = await startGatewayProcess()))
  // A signature is good for a minute.
  beforeEach(() => (query = new URLSearchParams(signedQuery()).toString()))
  after(() => gateway.stop())
  reportNotForUs('http-requests')

  async function check({ request, statuses, open }: RequestCase): Promise<void> {
    const responses = await exchange(gateway.port, [request.replaceAll('{query}', query)])
    const received = responses.map(({ status }) => status)
    const context = JSON.stringify(received)
    for (const [i, expected] of statuses.entries()) expect([expected].flat(), context).to.include(received[i])
    const further = received.slice(statuses.length)
    expect(further, context).to.deep.equal((open ?? further.length > 0) ? [200] : [])
    // Whoever is refused learns what is wrong.
    for (const { status, body } of responses)
      if (status >= 400) expect(JSON.parse(body), body).to.satisfy(namesWhatIsWrong)
  }

  for (const [subject, cases] of Object.entries(REQUEST_CASES)) {
    describe(subject, () => {
      for (const one of cases) it(one.name, () => check(one))
    })
  }

  it('are served wherever the network splits them', async () => {
    const request = `POST /webhook?${query} HTTP/1.1\r\nHost: x\r\nContent-Length: ${RECALL.length}\r\n\r\n${RECALL}`
    const splits = Array.from({ length: request.length - 1 }, (_, i) => [
      request.slice(0, i + 1),
      request.slice(i + 1),
    ])
    await Promise.all(
      [...splits, Array.from(request)].map(async (parts) => {
        const responses = await exchange(gateway.port, parts)
        expect(responses.map(({ status }) => status)).to.deep.equal([200, 200])
      }),
    )
  })

  it('leave a process that is well, without an error in its log', async () => {
    expect((await fetch(`${gateway.url}/readyz`)).status).to.equal(200)
    expect(gateway.output()).to.not.match(/"level":"(error|fatal)"/)
  })
})

/** An answer of the API, or that of the provider's format. */
function namesWhatIsWrong(body: Record<string, unknown>): boolean {
  const { code, message, ErrorInfo: info } = body
  return (typeof code === 'string' && typeof message === 'string') || typeof info === 'string'
}
