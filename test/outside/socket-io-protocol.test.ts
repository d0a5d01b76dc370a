import { expect } from 'chai'
import type { Hello } from '../../shared/protocol.ts'
import { makeToken } from '../support/client.ts'
import { judgedGateway } from './judged-gateway.ts'
import { reportNotForUs } from './not-for-us.ts'
import { SOCKET_IO_CASES } from './socket-io-cases.ts'
import { checkPackets, expectClosed, handshakeOf, openEngine, openSocket } from './socket-io-peer.ts'

describe("Socket.IO's protocol suite", () => {
  const gateway = judgedGateway()
  reportNotForUs('socket-io-protocol')

  describe('the connection', () => {
    it('is answered with a session id when it presents a token', async () => {
      const peer = await openEngine(gateway.port)
      peer.sendText(`40${JSON.stringify({ token: gateway.token })}`)
      const text = await peer.text('the handshake', (one) => one.startsWith('40'))
      expect(JSON.parse(text.slice(2))).to.have.all.keys('sid')
      peer.destroy()
    })

    it('begins with hello, before anything else', async () => {
      const peer = await openSocket(gateway.port, await makeToken({ ttlS: 600, rooms: [{ group: 'g' }] }))
      peer.sendText('427["subscribe",{"group":"g"}]')
      await peer.text('the answer', (text) => text.startsWith('437[{"ok":true'))
      const [, connected = '', hello = '', ...rest] = peer.texts()
      expect(connected).to.match(/^40\{/)
      const [name, told] = JSON.parse(hello.slice(2)) as [string, Hello]
      expect(name).to.equal('hello')
      expect(told.expiresInMs).to.be.within(590_000, 600_000)
      const { pingInterval, pingTimeout } = handshakeOf(peer)
      expect(told.silenceMs).to.equal(pingInterval + pingTimeout)
      expect(rest).to.have.lengthOf(1)
      peer.destroy()
    })

    for (const [name, packet] of Object.entries({
      'no payload': '40',
      'an empty payload': '40{}',
      'a token that is none': '40{"token":"123"}',
      'a token that is no text': '40{"token":{"a":1}}',
    })) {
      it(`is refused with a code and closed with ${name}`, async () => {
        const peer = await openEngine(gateway.port)
        peer.sendText(packet)
        const text = await peer.text('the refusal', (one) => one.startsWith('44{'))
        const refusal = JSON.parse(text.slice(2)) as { message: string; data: unknown }
        expect(refusal.message).to.be.a('string')
        expect(refusal.data).to.deep.equal({ code: 'TOKEN_REFUSED', retry: false })
        await expectClosed(peer)
      })
    }

    it('is refused for an unknown namespace', async () => {
      const peer = await openEngine(gateway.port)
      peer.sendText('40/random,')
      expect(await peer.text('the refusal', (one) => one.startsWith('44'))).to.equal(
        '44/random,{"message":"Invalid namespace"}',
      )
      peer.destroy()
    })

    for (const packet of [
      '4abc',
      '40[]',
      '40null',
      '40"text"',
      '40{',
      '42["subscribe",{"group":"g"}]',
      '41',
      '43[]',
    ]) {
      it(`is closed when its first packet is ${packet}`, async () => {
        const peer = await openEngine(gateway.port)
        peer.sendText(packet)
        await expectClosed(peer)
        expect(peer.texts().filter((text) => text.startsWith('4'))).to.be.empty
      })
    }
  })

  describe('packets of a member', () => {
    for (const one of SOCKET_IO_CASES) {
      it(one.name, async () => {
        const member = await makeToken({ rooms: [{ group: 'g' }, { group: 'probe' }] })
        await checkPackets(await openSocket(gateway.port, member), one)
      })
    }
  })

  it('leaves a process without an error in its log', () => {
    expect(gateway.output()).to.not.match(/"level":"(error|fatal)"/)
  })
})
