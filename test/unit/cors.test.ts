import { expect } from 'chai'
import { isAllowedOrigin } from '../../server/http/cors.ts'

describe('allowed origins', () => {
  const host = 'gateway.example:8080'

  it('include none, which programs other than browsers send', () => {
    expect(isAllowedOrigin({ host }, [])).to.equal(true)
  })

  it("include the gateway's own, and no other by default", () => {
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

  it('include those in the list, and any with *', () => {
    expect(isAllowedOrigin({ host, origin: 'https://app.example' }, ['https://app.example'])).to.equal(true)
    expect(isAllowedOrigin({ host, origin: 'https://app.example.evil' }, ['https://app.example'])).to.equal(
      false,
    )
    expect(isAllowedOrigin({ host, origin: 'https://any.example' }, ['*'])).to.equal(true)
  })
})
