import { expect } from 'chai'
import { isAllowedOrigin } from '../../server/http/cors.ts'

describe('origin of a socket', () => {
  const host = 'gateway.example:8080'

  it('may be missing, as for programs that are no browsers', () => {
    expect(isAllowedOrigin({ host }, [])).to.equal(true)
  })

  it('may be the own one, and no other by default', () => {
    expect(isAllowedOrigin({ host, origin: 'https://gateway.example:8080' }, [])).to.equal(true)
    for (const origin of [
      'https://evil.example',
      'https://gateway.example',
      'null',
      'https://evil.example/gateway.example:8080',
    ]) {
      expect(isAllowedOrigin({ host, origin }, []), origin).to.equal(false)
    }
  })

  it('may be one of the list, or any with *', () => {
    expect(isAllowedOrigin({ host, origin: 'https://app.example' }, ['https://app.example'])).to.equal(true)
    expect(isAllowedOrigin({ host, origin: 'https://app.example.evil' }, ['https://app.example'])).to.equal(
      false,
    )
    expect(isAllowedOrigin({ host, origin: 'https://any.example' }, ['*'])).to.equal(true)
  })
})
