import { expect } from 'chai'
import { explainConnectError, explainDisconnect } from '../../shared/client/failure.ts'

const ADDRESS = 'http://r.example/socket.io/'

describe('why a connection does not open', () => {
  const transportError = (description: unknown): Error =>
    Object.assign(new Error('websocket error'), { type: 'TransportError', description })
  const explain = (error: unknown) => explainConnectError(transportError({ error }), ADDRESS)
  const coded = (code: string, message = `connect ${code} 127.0.0.1:9`) =>
    Object.assign(new Error(message), { code })

  it('is what Node says', () => {
    const codes = {
      ECONNREFUSED: 'NO_ANSWER',
      ENOTFOUND: 'NO_ANSWER',
      EHOSTUNREACH: 'NO_ANSWER',
      EUNHEARDOF: 'NO_ANSWER',
      CERT_HAS_EXPIRED: 'TLS_FAILED',
      DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS_FAILED',
      ERR_TLS_CERT_ALTNAME_INVALID: 'TLS_FAILED',
      HPE_INVALID_CONSTANT: 'NOT_A_GATEWAY',
    }
    for (const [code, expected] of Object.entries(codes)) {
      const { reason, ...rest } = explain(coded(code))
      expect(rest, code).to.deep.equal({ code: expected })
      expect(reason).to.include(code)
    }
    expect(explain(coded('ECONNRESET')).reason).to.include('does it want https://?')
    const tls = explainConnectError(
      transportError({ error: coded('ECONNRESET') }),
      'https://r.example/socket.io/',
    )
    expect(tls.reason).to.not.include('https')
    const openssl =
      'write EPROTO C0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/x.c:1:'
    expect(explain(coded('EPROTO', openssl)).reason).to.equal(
      'the TLS handshake failed: wrong version number',
    )
  })

  it('is the first of several errors, and the innermost', () => {
    const several = new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')])
    expect(explain(several).reason).to.include('ECONNREFUSED')
    expect(explain(new Error('fetch failed', { cause: coded('ENOTFOUND') })).reason).to.include('ENOTFOUND')
  })

  it('is vague where nothing is said', () => {
    expect(explainConnectError(transportError({ type: 'error' }), ADDRESS)).to.include({ isVague: true })
    expect(explain(new Error('Unexpected server response: 404'))).to.include({
      isVague: true,
      reason: 'no WebSocket opens: Unexpected server response: 404',
    })
  })

  it('is what the constructor of a WebSocket throws', () => {
    const thrown = Object.assign(new Error('not allowed'), { name: 'SecurityError', code: 18 })
    expect(explainConnectError(thrown, ADDRESS)).to.deep.equal({
      code: 'WEBSOCKET_BLOCKED',
      reason: 'the browser refuses to open the WebSocket: not allowed',
    })
  })

  it('is another server that speaks Socket.IO, or something like it', () => {
    for (const error of [new Error('Invalid namespace'), new Error('server error')])
      expect(explainConnectError(error, ADDRESS).code).to.equal('NOT_A_GATEWAY')
  })
})

describe('why a connection ended', () => {
  it('is what Socket.IO and the WebSocket say', () => {
    const closed = {
      description: 'websocket connection closed',
      context: { code: 1006, reason: 'proxy restarts' },
    }
    expect(explainDisconnect('transport close', closed)).to.deep.equal({
      code: 'CONNECTION_LOST',
      reason: 'the connection ended: code 1006, proxy restarts, transport close',
    })
    expect(explainDisconnect('io server disconnect', undefined).reason).to.include('io server disconnect')
    const offline = { description: 'network connection lost' }
    expect(explainDisconnect('transport close', offline).code).to.equal('NETWORK_OFFLINE')
    expect(explainDisconnect('ping timeout', undefined).code).to.equal('SILENT')
  })
})
