import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { JWT_SECRET, runGateway, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { undoAfterEach } from '../support/undo.ts'
import { soon, until } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const outcomeOf = async (url: string, call: Parameters<typeof postWebhook>[1] = {}): Promise<string> => {
  const { status, answer } = await postWebhook(url, call)
  return status === 200 ? 'OK' : `${status} ${answer.ErrorInfo.split(':')[0]}`
}

describe('the door', () => {
  const undo = undoAfterEach()
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    undo(gateway.stop)
    return gateway
  }

  describe('for webhooks', () => {
    it('is open to the named networks alone, as far as proxies can be believed', async () => {
      const { url } = await start({ WEBHOOK_ALLOW: '203.0.113.0/24, 2001:db8::/32', TRUST_PROXY: 'loopback' })
      const from = (address: string) => outcomeOf(url, { headers: { 'X-Forwarded-For': address } })
      expect(await from('203.0.113.7')).to.equal('OK')
      expect(await from('2001:db8::1')).to.equal('OK')
      expect(await from('198.51.100.1')).to.equal('403 ADDRESS_REFUSED')
      expect(await from('203.0.113.7, 198.51.100.1')).to.equal('403 ADDRESS_REFUSED')
      expect(await outcomeOf(url)).to.equal('403 ADDRESS_REFUSED')
      const distrustful = await start({ WEBHOOK_ALLOW: '203.0.113.0/24' })
      const headers = { 'X-Forwarded-For': '203.0.113.7' }
      expect(await outcomeOf(distrustful.url, { headers })).to.equal('403 ADDRESS_REFUSED')
    })

    it('is not opened by a signature that is forged, old, of another app, or none', async () => {
      const { url } = await start()
      const nowS = Math.floor(Date.now() / 1_000)
      const query = signedQuery()
      expect(await outcomeOf(url, { query: { ...query, Sign: 'a'.repeat(64) } })).to.equal(
        '401 WEBHOOK_FORGED',
      )
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

    it('is passed by the body of another request within a minute: the signature does not cover it', async () => {
      const gateway = await start()
      const client = await connect(gateway.url, await adminToken())
      undo(client.close)
      await client.subscribe({ feed: true })
      const query = signedQuery()
      expect(await outcomeOf(gateway.url, { query, body: recallBody({ GroupId: 'one' }) })).to.equal('OK')
      // What is caught: the command of another kind of request.
      const other = { ...query, CallbackCommand: 'Group.CallbackAfterSendMsg' }
      expect(await outcomeOf(gateway.url, { query: other })).to.equal('400 WEBHOOK_MALFORMED')
      // What is not: another body of the same kind, until the minute is over.
      expect(await outcomeOf(gateway.url, { query, body: recallBody({ GroupId: 'two' }) })).to.equal('OK')
      // A request that is replayed whole does nothing.
      expect(await outcomeOf(gateway.url, { query, body: recallBody({ GroupId: 'one' }) })).to.equal('OK')
      await client.count(2)
    })

    it('has no lock with WEBHOOK_AUTH=off, which says so at every start', async () => {
      const gateway = await start({ WEBHOOK_TOKEN: '', WEBHOOK_AUTH: 'off' })
      expect(gateway.output()).to.include('WEBHOOK_AUTH is off')
      const { Sign: _sign, RequestTime: _time, ...query } = signedQuery()
      expect(await outcomeOf(gateway.url, { query })).to.equal('OK')
      expect(await outcomeOf(gateway.url, { query: { ...query, SdkAppid: '1' } })).to.equal(
        '403 APP_NOT_OURS',
      )
    })

    it('takes bodies of any depth, with keys twice and with keys that mean something to JavaScript', async () => {
      const { url } = await start()
      const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
      const whole = JSON.stringify(recallBody()).slice(0, -1)
      const bodies = [
        [deep, '400 WEBHOOK_MALFORMED'],
        [`${whole},"x":${deep}}`, 'OK'],
        [`${whole},"GroupId":""}`, '400 WEBHOOK_MALFORMED'],
        [`${whole},"__proto__":{"GroupId":"p"},"constructor":{"prototype":{"x":1}}}`, 'OK'],
        [`${whole},"toString":1,"hasOwnProperty":1}`, 'OK'],
      ] as const
      for (const [body, expected] of bodies) expect(await outcomeOf(url, { body })).to.equal(expected)
      const evil = { ...recallBody(), GroupId: '__proto__' }
      expect(await outcomeOf(url, { body: evil })).to.equal('OK')
    })

    it('is closed to those who send their head or their body slowly', async () => {
      const gateway = await start()
      const slow = async (text: string) => {
        const socket = connectTcp(gateway.port, '127.0.0.1')
        undo(() => socket.destroy())
        const closed = once(socket, 'close')
        socket.on('error', () => undefined).resume()
        await once(socket, 'connect')
        socket.write(text)
        return closed
      }
      const query = new URLSearchParams(signedQuery()).toString()
      const head = slow('POST /webhook HTTP/1.1\r\nHost: x\r\nX-Slow: ')
      const body = slow(`POST /webhook?${query} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"x"`)
      // Who asks for another protocol is served by another server of ours.
      const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n'
      const otherBody = slow(`POST /webhook?${query} HTTP/1.1\r\n${upgrade}Content-Length: 100\r\n\r\n{"x"`)
      const otherHead = slow(`GET /livez HTTP/1.1\r\n${upgrade}\r\nGET /livez HTTP/1.1\r\nX-Slow: `)
      await soon('all are closed', Promise.all([head, body, otherBody, otherHead]), 15_000)
      const huge = await slow(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(40_000)}\r\n\r\n`)
      expect(huge).to.not.equal(undefined)
      expect(await outcomeOf(gateway.url)).to.equal('OK')
    })
  })

  it('stays open while thousands of connections say nothing, and closes those', async () => {
    const gateway = await start()
    const closed: Promise<unknown>[] = []
    // Fewer at once than the system lets wait: of the others, the gateway would never hear.
    for (let i = 0; i < 30; i++) {
      const silent = Array.from({ length: 100 }, () => connectTcp(gateway.port, '127.0.0.1'))
      for (const socket of silent) undo(() => socket.destroy())
      closed.push(...silent.map((socket) => once(socket.resume(), 'close')))
      await Promise.all(silent.map((socket) => once(socket, 'connect')))
    }
    const client = await connect(gateway.url, await adminToken())
    undo(client.close)
    await client.subscribe({ group: '@TGS#1' })
    expect(await outcomeOf(gateway.url)).to.equal('OK')
    await client.count(1)
    await soon('all are closed', Promise.all(closed), 15_000)
  })

  describe('for sockets', () => {
    it('takes so many and no more, of the node and of an address', async () => {
      const gateway = await start({ MAX_SOCKETS: '3', MAX_SOCKETS_PER_ADDRESS: '2', TRUST_PROXY: 'loopback' })
      const from = async (address: string) => {
        const client = await connect(gateway.url, await adminToken(), {
          extraHeaders: { 'X-Forwarded-For': address },
        })
        undo(client.close)
        return client
      }
      const refused = (error: Error) => error.message
      const [first] = [await from('192.0.2.1'), await from('192.0.2.1')]
      expect(await from('192.0.2.1').catch(refused)).to.equal('websocket error')
      await from('2001:db8::1')
      expect(await from('192.0.2.2').catch(refused)).to.equal('websocket error')
      expect(await readMetric(gateway.url, 'sockets_turned_away_total')).to.equal(2)
      first.close()
      await until('there is room again', () =>
        from('192.0.2.1').then(
          () => true,
          () => false,
        ),
      )
    })

    it('serves a socket so many requests and no more, and again after a moment', async () => {
      const gateway = await start()
      const client = await connect(gateway.url, await adminToken())
      undo(client.close)
      const ask = () => client.ask({ group: 'g' }, 'unsubscribe')
      let refused = 0
      for (let i = 0; i < 60; i++) {
        const answers = await Promise.all(Array.from({ length: 50 }, ask))
        refused += answers.filter((answer) => !answer.ok && answer.code === 'TOO_MANY_REQUESTS').length
      }
      expect(refused).to.be.above(0)
      await until('it is served again', async () => (await ask()).ok)
    })
  })

  it('tells nothing of versions, hosts or keys', async () => {
    const gateway = await start()
    const admin = await adminToken()
    const answers = await Promise.all([
      fetch(`${gateway.url}/`),
      fetch(`${gateway.url}/livez`),
      fetch(`${gateway.url}/readyz`),
      fetch(`${gateway.url}/nothing?token=${admin}`),
      fetch(`${gateway.url}/%00`),
      fetch(`${gateway.url}/webhook`),
      fetch(`${gateway.url}/socket.io/?EIO=4&transport=polling`),
      fetch(`${gateway.url}/v1/disconnect`, { method: 'POST', body: '{' }),
    ])
    for (const answer of answers) {
      const text = JSON.stringify([...answer.headers]) + (await answer.text())
      for (const secret of [WEBHOOK_TOKEN, JWT_SECRET, admin, 'Express', process.version, 'node_modules'])
        expect(text).to.not.include(secret)
      expect(answer.headers.get('server')).to.equal(null)
    }
    await postDisconnect(gateway.url, `${admin}x`, {})
    for (const secret of [WEBHOOK_TOKEN, JWT_SECRET, admin.slice(-30)])
      expect(gateway.output()).to.not.include(secret)
  })

  it('shows the metrics to private networks alone', async () => {
    const { url } = await start({ TRUST_PROXY: 'loopback' })
    const from = async (address: string) =>
      (await fetch(`${url}/metrics`, { headers: { 'X-Forwarded-For': address } })).status
    expect(await from('10.1.2.3')).to.equal(200)
    expect(await from('203.0.113.7')).to.equal(404)
    expect(await from('2001:db8::1')).to.equal(404)
  })

  describe('secrets in files', () => {
    const run = async (settings: Readonly<Record<string, string>>) => {
      const { exited, output } = runGateway(['start'], { SDK_APP_ID: '1', PORT: '0', ...settings })
      expect(await soon('it ends', exited)).to.equal(1)
      return output()
    }
    it('are read, without the line end', async () => {
      const folder = temporaryFolder()
      undo(folder.remove)
      const [tokenFile, secretFile] = [join(folder.path, 'token'), join(folder.path, 'secret')]
      writeFileSync(tokenFile, `${WEBHOOK_TOKEN}\n`)
      writeFileSync(secretFile, JWT_SECRET)
      const gateway = await start({
        WEBHOOK_TOKEN: '',
        JWT_SECRET: '',
        WEBHOOK_TOKEN_FILE: tokenFile,
        JWT_SECRET_FILE: secretFile,
      })
      expect(await outcomeOf(gateway.url)).to.equal('OK')
      const client = await connect(gateway.url, await adminToken())
      client.close()
    })

    it('must be readable, and there only once', async () => {
      const missing = { WEBHOOK_TOKEN_FILE: '/nowhere/secret-name', JWT_SECRET }
      expect(await run(missing))
        .to.include('WEBHOOK_TOKEN_FILE cannot be read')
        .and.not.include('secret-name')
      const both = { WEBHOOK_TOKEN, WEBHOOK_TOKEN_FILE: '/dev/null', JWT_SECRET }
      expect(await run(both)).to.include('WEBHOOK_TOKEN and WEBHOOK_TOKEN_FILE are both there')
    })
  })

  it('does not open by accident: without credentials nothing starts', async () => {
    const { exited, output } = runGateway(['start'], { PORT: '0' })
    expect(await soon('it ends', exited)).to.equal(1)
    for (const name of ['SDK_APP_ID', 'WEBHOOK_TOKEN', 'JWT_SECRET'])
      expect(output()).to.include(`${name} is missing`)
    const off = runGateway(['start'], { SDK_APP_ID: '1', WEBHOOK_TOKEN, WEBHOOK_AUTH: 'off', JWT_SECRET })
    expect(await soon('it ends', off.exited)).to.equal(1)
    expect(off.output()).to.include('WEBHOOK_TOKEN is wrong')
  })
})
