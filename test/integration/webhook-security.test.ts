import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { outcomeOf } from '../support/webhook-outcome.ts'
import { recallBody, signedQuery } from '../support/webhook.ts'

describe('the security of webhooks', () => {
  const onCleanUp = cleanUpAfterEach()
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }

  it('rejects signatures that are forged, missing, old, or for another app', async () => {
    const { url } = await start()
    const nowS = Math.floor(Date.now() / 1_000)
    const query = signedQuery()
    expect(await outcomeOf(url, { query: { ...query, Sign: 'a'.repeat(64) } })).to.equal('401 WEBHOOK_FORGED')
    expect(await outcomeOf(url, { query: { ...query, Sign: undefined } })).to.equal('401 WEBHOOK_FORGED')
    const later = { ...query, RequestTime: String(nowS + 1) }
    expect(await outcomeOf(url, { query: later })).to.equal('401 WEBHOOK_FORGED')
    for (const off of [-70, 70])
      expect(await outcomeOf(url, { query: signedQuery(undefined, nowS + off) })).to.equal(
        '401 WEBHOOK_STALE',
      )
    expect(await outcomeOf(url, { query: { ...query, SdkAppid: '1' } })).to.equal('403 APP_NOT_OURS')
    const upper = { ...query, Sign: query['Sign']?.toUpperCase() }
    expect(await outcomeOf(url, { query: upper })).to.equal('OK')
  })

  it('does not cover the body: another body with the same URL is accepted within a minute', async () => {
    const gateway = await start()
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ feed: true })
    const query = signedQuery()
    expect(await outcomeOf(gateway.url, { query, body: recallBody({ GroupId: 'one' }) })).to.equal('OK')
    // Detected: the command of another kind of request.
    const other = { ...query, CallbackCommand: 'Group.CallbackAfterSendMsg' }
    expect(await outcomeOf(gateway.url, { query: other })).to.equal('400 WEBHOOK_MALFORMED')
    // Not detected: another body of the same kind, until the minute is over.
    expect(await outcomeOf(gateway.url, { query, body: recallBody({ GroupId: 'two' }) })).to.equal('OK')
    // A replay of a whole request changes nothing.
    expect(await outcomeOf(gateway.url, { query, body: recallBody({ GroupId: 'one' }) })).to.equal('OK')
    await client.count(2)
  })

  it('is off with WEBHOOK_AUTH=off, and every start logs a warning', async () => {
    const gateway = await start({ WEBHOOK_TOKEN: '', WEBHOOK_AUTH: 'off' })
    expect(gateway.output()).to.include('WEBHOOK_AUTH is off')
    const { Sign: _sign, RequestTime: _time, ...query } = signedQuery()
    expect(await outcomeOf(gateway.url, { query })).to.equal('OK')
    expect(await outcomeOf(gateway.url, { query: { ...query, SdkAppid: '1' } })).to.equal('403 APP_NOT_OURS')
  })

  it('survives bodies of any depth, with duplicate keys, and with keys that are special in JavaScript', async () => {
    const { url } = await start()
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const prefix = JSON.stringify(recallBody()).slice(0, -1)
    const bodies = [
      [deep, '400 WEBHOOK_MALFORMED'],
      [`${prefix},"x":${deep}}`, 'OK'],
      [`${prefix},"GroupId":""}`, '400 WEBHOOK_MALFORMED'],
      [`${prefix},"__proto__":{"GroupId":"p"},"constructor":{"prototype":{"x":1}}}`, 'OK'],
      [`${prefix},"toString":1,"hasOwnProperty":1}`, 'OK'],
    ] as const
    for (const [body, expected] of bodies) expect(await outcomeOf(url, { body })).to.equal(expected)
    const evil = { ...recallBody(), GroupId: '__proto__' }
    expect(await outcomeOf(url, { body: evil })).to.equal('OK')
  })
})
