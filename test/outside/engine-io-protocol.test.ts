import { expect } from 'chai'
import { openWebSocketPeer } from '../support/web-socket-peer.ts'
import { judgedGateway } from './judged-gateway.ts'
import { reportNotForUs } from './not-for-us.ts'
import { ENGINE_IO_CASES } from './socket-io-cases.ts'
import { checkPackets, expectClosed, handshakeOf, openEngine, openSocket } from './socket-io-peer.ts'

describe("Engine.IO's protocol suite", () => {
  const gateway = judgedGateway()
  reportNotForUs('engine-io-protocol')

  it('opens a session over WebSocket', async () => {
    const peer = await openEngine(gateway.port)
    const handshake = handshakeOf(peer)
    expect(handshake).to.have.all.keys('sid', 'upgrades', 'pingInterval', 'pingTimeout', 'maxPayload')
    expect(handshake.sid).to.be.a('string').that.is.not.empty
    expect(handshake.upgrades).to.deep.equal([])
    expect(handshake.maxPayload).to.equal(24_576)
    peer.destroy()
  })

  for (const query of [
    'transport=websocket',
    'EIO=abc&transport=websocket',
    'EIO=3&transport=websocket',
    'EIO=5&transport=websocket',
    'EIO=4',
    'EIO=4&transport=abc',
    'EIO=4&transport=polling',
    'EIO=4&transport=webtransport',
    'EIO=4&transport=websocket&sid=unknown',
    'EIO=4&transport=websocket&transport=polling',
  ]) {
    it(`refuses a WebSocket with ${query} in HTTP, and says why`, async () => {
      const refused = await openWebSocketPeer(gateway.port, `/socket.io/?${query}`).then(
        (peer) => peer.head,
        (error: unknown) => (error as Error).message,
      )
      expect(refused).to.match(/^HTTP\/1\.1 400 /)
      expect(refused).to.match(/\{"code":"REQUEST_MALFORMED","message":"[^"]{10,}","retry":false\}$/)
    })
  }

  for (const [method, query] of [
    ['GET', 'EIO=4&transport=polling'],
    ['POST', 'EIO=4&transport=polling'],
    ['PUT', 'EIO=4&transport=polling'],
    ['OPTIONS', 'EIO=4&transport=polling'],
    ['GET', 'EIO=4&transport=websocket'],
    ['GET', 'EIO=3&transport=polling'],
    ['GET', ''],
  ] as const) {
    it(`refuses ${method} with ${query || 'no query'}, and says why`, async () => {
      const response = await fetch(`${gateway.url}/socket.io/?${query}`, { method })
      expect(response.status).to.equal(400)
      const body = (await response.json()) as Record<string, unknown>
      expect(body).to.include({ code: 'REQUEST_MALFORMED', retry: false })
      expect(body['message']).to.be.a('string').with.length.greaterThan(10)
    })
  }

  describe('packets', () => {
    for (const one of ENGINE_IO_CASES) {
      it(one.name, async () => checkPackets(await openSocket(gateway.port, gateway.token), one))
    }

    it('that are malformed close a session that has not presented a token', async () => {
      for (const { packets, outcome } of ENGINE_IO_CASES) {
        if (outcome.kind !== 'closes') continue
        const peer = await openEngine(gateway.port)
        for (const packet of packets) peer.sendText(String(packet))
        await expectClosed(peer)
      }
    })
  })

  it('leaves a process without an error in its log', () => {
    expect(gateway.output()).to.not.match(/"level":"(error|fatal)"/)
  })
})
