import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { createOriginCheck, originRefusal, parseAllowedOrigin } from '../../server/http/origins.ts'

const PROXY = '10.0.0.1'

const isAllowed = (
  headers: IncomingHttpHeaders,
  allowed: readonly string[] = [],
  peer = '192.0.2.1',
): boolean => {
  const request = { headers, socket: { remoteAddress: peer } } as unknown as IncomingMessage
  const check = createOriginCheck(
    allowed.map(parseAllowedOrigin),
    ({ socket }) => socket.remoteAddress === PROXY,
  )
  return check(request)
}

describe('allowed origins', () => {
  const host = 'gateway.example:8080'

  it('include none, which programs other than browsers send', () => {
    expect(isAllowed({ host })).to.equal(true)
  })

  it("include the gateway's own, and no other by default", () => {
    expect(isAllowed({ host, origin: 'https://gateway.example:8080' })).to.equal(true)
    for (const origin of [
      'https://evil.example',
      'https://gateway.example',
      'null',
      'https://evil.example/gateway.example:8080',
      'https://gateway.example:8080.evil.example',
      'https://user@gateway.example:8080',
      'gateway.example:8080',
      '',
    ]) {
      expect(isAllowed({ host, origin }), origin).to.equal(false)
    }
  })

  it("include the gateway's own in every spelling of the host", () => {
    for (const [spelling, origin] of [
      ['chat.example.com:443', 'https://chat.example.com'],
      ['chat.example.com:80', 'http://chat.example.com'],
      ['CHAT.Example.com', 'https://chat.example.com'],
      ['chat.example.com.', 'https://chat.example.com'],
      ['chat.example.com', 'https://chat.example.com.'],
      ['chat.example.com.:8443', 'https://chat.example.com:8443'],
      ['[2001:DB8:0::1]:8443', 'https://[2001:db8::1]:8443'],
      ['[::1]:443', 'https://[::1]'],
      ['xn--bcher-kva.example', 'https://xn--bcher-kva.example'],
    ] as const) {
      expect(isAllowed({ host: spelling, origin }), spelling).to.equal(true)
    }
  })

  it('do not confuse the default ports of the two schemes', () => {
    expect(isAllowed({ host: 'chat.example.com:443', origin: 'http://chat.example.com' })).to.equal(false)
    expect(isAllowed({ host: 'chat.example.com:80', origin: 'https://chat.example.com' })).to.equal(false)
  })

  it('take the host that a trusted proxy names, and that of nobody else', () => {
    const origin = 'https://chat.example.com:8443'
    const behind = (headers: IncomingHttpHeaders) => ({ host: 'node-1:8080', origin, ...headers })
    for (const headers of [
      { 'x-forwarded-host': 'chat.example.com:8443' },
      { 'x-forwarded-host': 'chat.example.com:8443, inner.example' },
      { 'x-forwarded-host': 'chat.example.com', 'x-forwarded-port': '8443' },
      { host: 'chat.example.com', 'x-forwarded-port': '8443' },
    ]) {
      expect(isAllowed(behind(headers), [], PROXY), JSON.stringify(headers)).to.equal(true)
      expect(isAllowed(behind(headers)), JSON.stringify(headers)).to.equal(false)
    }
    expect(isAllowed(behind({ 'x-forwarded-host': 'other.example' }), [], PROXY)).to.equal(false)
  })

  it('include those in the list, in every spelling, and any with *', () => {
    for (const [entry, origin] of [
      ['https://app.example', 'https://app.example'],
      ['https://App.example:443', 'https://app.example'],
      ['https://app.example/', 'https://app.example'],
      ['http://app.example:80', 'http://app.example'],
      ['https://bücher.example', 'https://xn--bcher-kva.example'],
      ['capacitor://localhost', 'capacitor://localhost'],
      ['tauri://localhost', 'tauri://localhost'],
      ['ionic://localhost', 'ionic://localhost'],
      ['app://.', 'app://.'],
      ['file://', 'file://'],
      ['chrome-extension://abcdefgh', 'chrome-extension://abcdefgh'],
      ['null', 'null'],
      ['https://*.example', 'https://x.example'],
      ['https://*.Example:443', 'https://a.b.example'],
      ['http://*.example:8080', 'http://x.example:8080'],
      ['*', 'https://any.example'],
      ['*', 'null'],
    ] as const) {
      expect(isAllowed({ host, origin }, [entry]), `${entry} and ${origin}`).to.equal(true)
    }
  })

  it('include nothing that only resembles those in the list', () => {
    for (const [entry, origin] of [
      ['https://app.example', 'https://app.example.evil'],
      ['https://app.example', 'http://app.example'],
      ['https://app.example', 'https://app.example:8443'],
      ['https://*.example', 'https://example'],
      ['https://*.example', 'http://x.example'],
      ['https://*.example', 'https://xexample'],
      ['https://*.example', 'https://x.example:8443'],
      ['https://*.example', 'https://evil.com/.example'],
      ['https://*.example', 'https://evil.com?.example'],
      ['capacitor://localhost', 'http://localhost'],
      ['null', 'https://null'],
    ] as const) {
      expect(isAllowed({ host, origin }, [entry]), `${entry} and ${origin}`).to.equal(false)
    }
  })

  it('cannot be named in a form that no browser sends, and the error says what would be right', () => {
    for (const [entry, right] of [
      ['app.example', 'https://app.example.com'],
      ['localhost:3000', 'https://app.example.com'],
      ['wss://app.example', 'https, not wss'],
      ['https://app.example/console', 'without path'],
      ['https://app.example?x', 'without path'],
      ['https://user@app.example', 'without path'],
      ['https://', 'scheme, host'],
      ['https://app.example:99999', 'scheme, host'],
      ['https://app example', 'scheme, host'],
      ['https://app-*.example', 'https://*.example.com'],
      ['https://*', 'https://*.example.com'],
      ['https://*.*.example', 'https://*.example.com'],
      ['*.example', 'https://app.example.com'],
      ['http://localhost:*', 'https://*.example.com'],
    ] as const) {
      expect(() => parseAllowedOrigin(entry), entry).to.throw(TypeError, right)
    }
  })

  it('are refused with both names, cut short', () => {
    const { code, message } = originRefusal({ host, origin: `https://${'x'.repeat(10_000)}` })
    expect(code).to.equal('ORIGIN_REFUSED')
    expect(message).to.include(host).and.include('https://xxx').and.include('CORS_ORIGINS')
    expect(message.length).to.be.below(1_000)
  })
})
