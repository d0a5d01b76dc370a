import { expect } from 'chai'
import { gatewayAddress } from '../../shared/client/address.ts'

const PAGE = 'https://app.example/chat/room?id=1#top'

describe('the address of the gateway', () => {
  const at = (origin: string, path = '/socket.io/') => ({ origin, path })

  it('is an origin, with the path where a proxy serves it', () => {
    const addresses = {
      'https://r.example': at('https://r.example'),
      'http://127.0.0.1:8080/': at('http://127.0.0.1:8080'),
      'HTTPS://R.example:443/recall': at('https://r.example', '/recall/socket.io/'),
      'wss://r.example/a/b//': at('wss://r.example', '/a/b/socket.io/'),
    }
    for (const [url, address] of Object.entries(addresses))
      for (const page of [undefined, PAGE]) expect(gatewayAddress(url, page), url).to.deep.equal(address)
  })

  it('is relative to the page, or its origin', () => {
    const addresses = {
      '': at('https://app.example'),
      '/recall': at('https://app.example', '/recall/socket.io/'),
      './': at('https://app.example', '/chat/socket.io/'),
      '../recall/': at('https://app.example', '/recall/socket.io/'),
      '//r.example': at('https://r.example'),
    }
    for (const [url, address] of Object.entries(addresses))
      expect(gatewayAddress(url, PAGE), url).to.deep.equal(address)
    expect(gatewayAddress(undefined, PAGE)).to.deep.equal(at('https://app.example'))
  })

  it('is refused if it cannot work, with what is wrong and without what it says', () => {
    const faults = {
      'recalls.example.com': 'has no https:// or http://',
      'not a url': 'has no https:// or http://',
      'localhost:8080': 'starts with localhost:',
      'ftp://r.example': 'starts with ftp:',
      'https://': 'is not a valid address',
      'https://r.example:99999': 'is not a valid address',
      'https://user:s3cret@r.example': 'contains a user name or a password',
      'https://r.example/?token=s3cret': 'has a part that begins with ? or #',
      'https://r.example/socket.io/': 'ends in /socket.io',
      'https://r.example/#recall': 'has a part that begins with ? or #',
    }
    for (const [url, fault] of Object.entries(faults))
      for (const page of [undefined, PAGE])
        expect(() => gatewayAddress(url, page), url)
          .to.throw(TypeError, fault)
          .and.to.have.property('message')
          .that.does.not.include('s3cret')
    expect(() => gatewayAddress('/recall', undefined)).to.throw(TypeError, 'has no https:// or http://')
    for (const page of [undefined, 'about:blank', 'file:///index.html'])
      expect(() => gatewayAddress(undefined, page)).to.throw(TypeError, 'is missing')
  })

  it('is read without the parts of `URL`, which React Native lacks', () => {
    const faults: Record<string, string> = {
      'https://user:s3cret@r.example': 'contains a user name or a password',
      'https://r.example/?token=s3cret': 'has a part that begins with ? or #',
      'ftp://r.example': 'starts with ftp:',
    }
    const { URL: original } = globalThis
    globalThis.URL = class {
      get protocol(): string {
        throw new Error('URL.protocol is not implemented')
      }
    } as unknown as typeof URL
    try {
      expect(gatewayAddress('https://r.example')).to.deep.equal(at('https://r.example'))
      expect(gatewayAddress('WSS://R.example:8443/a//')).to.deep.equal(
        at('wss://r.example:8443', '/a/socket.io/'),
      )
      expect(gatewayAddress('http://[::1]:8080/')).to.deep.equal(at('http://[::1]:8080'))
      for (const [url, fault] of Object.entries(faults))
        expect(() => gatewayAddress(url), url).to.throw(TypeError, fault)
      expect(() => gatewayAddress('https://')).to.throw(TypeError, 'is not a valid address')
    } finally {
      globalThis.URL = original
    }
  })
})
