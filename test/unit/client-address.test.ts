import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { clientNetwork, createClientAddress } from '../../server/http/client-address.ts'

const request = (peer: string, forwarded?: string): IncomingMessage =>
  ({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage

describe('client address', () => {
  it('is the peer if no proxy is trusted, whatever the peer claims', () => {
    expect(createClientAddress([])(request('192.0.2.1', '203.0.113.7'))).to.equal('192.0.2.1')
  })

  it('is the last address that is not of a trusted proxy', () => {
    const addressOf = createClientAddress(['loopback', '10.0.0.0/8'])
    expect(addressOf(request('127.0.0.1', '203.0.113.7'))).to.equal('203.0.113.7')
    expect(addressOf(request('10.1.1.1', 'forged, 203.0.113.7, 10.2.2.2'))).to.equal('203.0.113.7')
    expect(addressOf(request('192.0.2.1', '203.0.113.7'))).to.equal('192.0.2.1')
  })

  it('is written as IPv4 for an IPv4 peer of an IPv6 socket', () => {
    expect(createClientAddress([])(request('::ffff:192.0.2.1'))).to.equal('192.0.2.1')
  })

  it('refuses proxies that are not networks', () => {
    expect(() => createClientAddress(['everybody'])).to.throw()
  })

  it('counts as its /64 network if it is IPv6', () => {
    expect(clientNetwork('192.0.2.1')).to.equal('192.0.2.1')
    expect(clientNetwork('2001:db8:1:2:3:4:5:6')).to.equal('2001:db8:1:2::/64')
    expect(clientNetwork('2001:db8::1')).to.equal('2001:db8:0:0::/64')
    expect(clientNetwork('::1')).to.equal('0:0:0:0::/64')
  })
})
