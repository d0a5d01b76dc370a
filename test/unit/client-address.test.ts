import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { clientNetwork, createClientAddress, createNetworkMatcher } from '../../server/http/client-address.ts'

const request = (peer: string | undefined, forwarded?: string): IncomingMessage =>
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

  it('is the furthest address if all are of trusted proxies', () => {
    const addressOf = createClientAddress(['loopback', 'uniquelocal'])
    expect(addressOf(request('127.0.0.1', '10.0.0.9, 10.0.0.1'))).to.equal('10.0.0.9')
  })

  it('is written as IPv4 for an IPv4 peer of an IPv6 socket', () => {
    expect(createClientAddress([])(request('::ffff:192.0.2.1'))).to.equal('192.0.2.1')
    expect(createClientAddress(['10.0.0.1'])(request('::ffff:10.0.0.1', '192.0.2.1'))).to.equal('192.0.2.1')
  })

  it('is read in every form in which proxies write it', () => {
    const addressOf = createClientAddress(['10.0.0.0/8', 'linklocal'])
    for (const [forwarded, client] of [
      ['192.0.2.1:4711', '192.0.2.1'],
      [' 192.0.2.1 ', '192.0.2.1'],
      ['"192.0.2.1:4711"', '192.0.2.1'],
      ['192.0.2.1, 10.0.0.2:443', '192.0.2.1'],
      ['192.0.2.1,,10.0.0.2,', '192.0.2.1'],
      ['[2001:db8::1]:4711', '2001:db8::1'],
      ['[2001:db8::1]', '2001:db8::1'],
      ['"[2001:DB8:0:0::1]:4711"', '2001:db8::1'],
      ['2001:db8::1', '2001:db8::1'],
      ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
      ['2001:db8:1:2:3:4:5:6:443', '2001:db8:1:2:3:4:5:6'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['::FFFF:c000:201', '192.0.2.1'],
      ['[::ffff:192.0.2.1]:4711', '192.0.2.1'],
      ['192.0.2.1, fe80::1%eth0', '192.0.2.1'],
    ] as const) {
      expect(addressOf(request('10.0.0.1', forwarded)), forwarded).to.equal(client)
    }
  })

  it('is unknown where a trusted proxy wrote no address, so that no network lets it in', () => {
    const addressOf = createClientAddress(['10.0.0.0/8'])
    const isPrivate = createNetworkMatcher(['loopback', 'uniquelocal'])
    for (const forwarded of [
      'unknown',
      '_hidden',
      '10.0.0',
      '10.0.0.1.evil',
      '[10.0.0.1',
      '::1::',
      'a:b',
      '%',
    ]) {
      const client = addressOf(request('10.0.0.1', `192.0.2.1, ${forwarded}`))
      expect([client, isPrivate(client), clientNetwork(client)], forwarded).to.deep.equal([
        'unknown',
        false,
        'unknown',
      ])
    }
    expect(addressOf(request('10.0.0.1', ' , '))).to.equal('10.0.0.1')
    expect(addressOf(request(undefined))).to.equal('unknown')
  })

  it('counts as its /64 network if it is IPv6', () => {
    expect(clientNetwork('192.0.2.1')).to.equal('192.0.2.1')
    expect(clientNetwork('2001:db8:1:2:3:4:5:6')).to.equal('2001:db8:1:2::/64')
    expect(clientNetwork('2001:db8::1')).to.equal('2001:db8:0:0::/64')
    expect(clientNetwork('::1')).to.equal('0:0:0:0::/64')
  })
})

describe('networks', () => {
  it('are addresses, networks and names', () => {
    for (const [network, inside, outside] of [
      ['192.0.2.1', '192.0.2.1', '192.0.2.2'],
      ['10.0.0.0/8', '10.255.0.1', '11.0.0.1'],
      ['10.1.2.3/8', '10.255.0.1', '11.0.0.1'],
      ['::ffff:10.0.0.0/104', '10.255.0.1', '11.0.0.1'],
      ['2001:DB8::/32', '2001:db8::1', '2001:db9::1'],
      ['loopback', '127.0.0.9', '128.0.0.1'],
      ['loopback', '::1', '::2'],
      ['linklocal', '169.254.169.254', '169.255.0.1'],
      ['uniquelocal', '192.168.1.1', '100.64.0.1'],
      ['uniquelocal', 'fd00::1', 'fe00::1'],
      ['shared', '100.127.255.255', '100.128.0.1'],
    ] as const) {
      const isIn = createNetworkMatcher([network])
      expect([isIn(inside), isIn(outside), isIn('unknown')], network).to.deep.equal([true, false, false])
    }
  })

  it('are refused if they are none, with what would be right', () => {
    for (const network of [
      'everybody',
      '10.0.0.0/33',
      '::/129',
      '10.0.0/8',
      '10.0.0.0/',
      '/8',
      '10.0.0.1:80',
      '',
      'constructor',
    ])
      expect(() => createNetworkMatcher([network]), network).to.throw(TypeError, '10.0.0.0/8')
  })
})
