import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { expect } from 'chai'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { openRaw } from '../support/raw-connection.ts'
import { readMetric } from '../support/read-metric.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { outcomeOf } from '../support/webhook-outcome.ts'
import { signedQuery } from '../support/webhook.ts'

describe('network limits', () => {
  const onCleanUp = cleanUpAfterEach()
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }

  it('accept webhooks only from the networks in WEBHOOK_ALLOW, as seen by trusted proxies', async () => {
    const { url } = await start({ WEBHOOK_ALLOW: '203.0.113.0/24, 2001:db8::/32', TRUST_PROXY: 'loopback' })
    const from = (address: string) => outcomeOf(url, { headers: { 'X-Forwarded-For': address } })
    expect(await from('203.0.113.7')).to.equal('OK')
    expect(await from('2001:db8::1')).to.equal('OK')
    expect(await from('203.0.113.7:4711')).to.equal('OK')
    expect(await from('unknown')).to.equal('403 ADDRESS_REFUSED')
    expect(await from('198.51.100.1')).to.equal('403 ADDRESS_REFUSED')
    expect(await from('203.0.113.7, 198.51.100.1')).to.equal('403 ADDRESS_REFUSED')
    expect(await outcomeOf(url)).to.equal('403 ADDRESS_REFUSED')
    const untrusting = await start({ WEBHOOK_ALLOW: '203.0.113.0/24' })
    const headers = { 'X-Forwarded-For': '203.0.113.7' }
    expect(await outcomeOf(untrusting.url, { headers })).to.equal('403 ADDRESS_REFUSED')
  })

  it('show the metrics only to private networks, or those in METRICS_ALLOW', async () => {
    const statuses = async (settings: Record<string, string>): Promise<number[]> => {
      const { url } = await start({ TRUST_PROXY: 'loopback', ...settings })
      const addresses = ['10.1.2.3', '10.1.2.3:4711', '203.0.113.7', '2001:db8::1', '100.64.0.1', 'unknown']
      const ask = async (address: string) =>
        (await fetch(`${url}/metrics`, { headers: { 'X-Forwarded-For': address } })).status
      return Promise.all(addresses.map(ask))
    }
    expect(await statuses({})).to.deep.equal([200, 200, 404, 404, 404, 404])
    const METRICS_ALLOW = 'shared, 203.0.113.0/24, 2001:db8::/32'
    expect(await statuses({ METRICS_ALLOW })).to.deep.equal([404, 404, 200, 200, 200, 404])
    // The proxy before it wrote its own address: this may be anybody.
    expect(await statuses({ TRUST_PROXY: 'loopback, uniquelocal' })).to.deep.equal([
      404, 404, 404, 404, 404, 404,
    ])
  })

  it('close connections that send headers or a body slowly', async () => {
    const gateway = await start()
    const slow = async (text: string) => {
      const socket = connectTcp(gateway.port, '127.0.0.1')
      onCleanUp(() => socket.destroy())
      const closed = once(socket, 'close')
      socket.on('error', () => undefined).resume()
      await once(socket, 'connect')
      socket.write(text)
      return closed
    }
    const query = new URLSearchParams(signedQuery()).toString()
    const head = slow('POST /webhook HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    const body = slow(`POST /webhook?${query} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"x"`)
    // Requests for another protocol are read by a second server of the gateway.
    const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n'
    const otherBody = slow(`POST /webhook?${query} HTTP/1.1\r\n${upgrade}Content-Length: 100\r\n\r\n{"x"`)
    const otherHead = slow(`GET /livez HTTP/1.1\r\n${upgrade}\r\nGET /livez HTTP/1.1\r\nX-Slow: `)
    await withTimeout('all are closed', Promise.all([head, body, otherBody, otherHead]))
    const huge = await slow(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(60_000)}\r\n\r\n`)
    expect(huge).to.not.equal(undefined)
    expect(await outcomeOf(gateway.url)).to.equal('OK')
  })

  it('serve others while thousands of connections are idle, and close the idle ones', async () => {
    const gateway = await start()
    const closed: Promise<unknown>[] = []
    // Fewer at a time than the listen backlog holds: the gateway would never see the others.
    for (let i = 0; i < 30; i++) {
      const silent = Array.from({ length: 100 }, () => connectTcp(gateway.port, '127.0.0.1'))
      for (const socket of silent) onCleanUp(() => socket.destroy())
      closed.push(...silent.map((socket) => once(socket.resume(), 'close')))
      await Promise.all(silent.map((socket) => once(socket, 'connect')))
    }
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: '@TGS#1' })
    expect(await outcomeOf(gateway.url)).to.equal('OK')
    await client.count(1)
    await withTimeout('all are closed', Promise.all(closed))
  })

  it('count large requests as several, over HTTP and sockets', async () => {
    const { url } = await start()
    const token = await makeToken({ rooms: [{ group: 'g' }] })
    const paths = ['/v1/recalled?group=g&seqs=1-1000', '/v1/notices?group=g&limit=1000']
    const asked = Array.from({ length: 60 }, (_, i) => get(url, paths[i % 2] ?? '', token))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    // 1,000 points, and 21 for each.
    expect(statuses.filter((status) => status === 200).length).to.be.within(47, 59)
    expect(statuses.filter((status) => status === 429).length).to.be.within(1, 13)
    const client = await connect(url, token)
    onCleanUp(client.close)
    const seqs = Array.from({ length: 1_000 }, (_, i) => i + 1)
    const responses = await Promise.all(
      Array.from({ length: 90 }, () => client.request({ group: 'g', seqs }, 'recalled')),
    )
    // A few more, as the budget of a socket is refilled all the time.
    expect(responses.filter(({ ok }) => ok).length).to.be.within(45, 75)
    for (const response of responses)
      if (!response.ok) expect(response).to.include({ code: 'TOO_MANY_REQUESTS', retry: true })
  })

  it('close a connection that has been idle for KEEP_ALIVE_S', async () => {
    const gateway = await start({ KEEP_ALIVE_S: '1' })
    const { socket, received, closed } = await openRaw(gateway.port)
    const began = performance.now()
    socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    await waitUntil('the response', () => received() !== '')
    expect(received()).to.match(/^keep-alive: timeout=1\r$/im)
    await closed()
    // The default is a minute.
    expect(performance.now() - began).to.be.within(800, 20_000)
    expect(gateway.output()).to.not.include('REQUEST_TIMEOUT')
  })

  it('bound the sockets of a node and of an address', async () => {
    const gateway = await start({ MAX_SOCKETS: '3', MAX_SOCKETS_PER_ADDRESS: '2', TRUST_PROXY: 'loopback' })
    const from = async (address: string) => {
      const client = await connect(gateway.url, await adminToken(), {
        extraHeaders: { 'X-Forwarded-For': address },
      })
      onCleanUp(client.close)
      return client
    }
    const refused = (error: Error) => error.message
    const [first] = [await from('192.0.2.1'), await from('192.0.2.1')]
    expect(await from('192.0.2.1').catch(refused)).to.equal('websocket error')
    await from('2001:db8::1')
    expect(await from('192.0.2.2').catch(refused)).to.equal('websocket error')
    expect(await readMetric(gateway.url, 'sockets_turned_away_total')).to.equal(2)
    first.close()
    await waitUntil('a socket is accepted again', () =>
      from('192.0.2.1').then(
        () => true,
        () => false,
      ),
    )
  })

  it('bound the request rate of a socket, which recovers after a moment', async () => {
    const gateway = await start()
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    let isRefused = false
    const send = async () => {
      const response = await client.request({ group: 'g' }, 'unsubscribe')
      if (!response.ok && response.code === 'TOO_MANY_REQUESTS') isRefused = true
      return response
    }
    let sentAtMs = 0
    // More than the budget grows by meanwhile, also on a slow machine.
    for (let i = 0; i < 1_000 && !isRefused; i++) {
      sentAtMs = performance.now()
      await Promise.all(Array.from({ length: 90 }, send))
    }
    // Nothing is read from it for a second, in which its budget grows. The rest of those 90 may have waited too.
    expect(await send()).to.deep.equal({ ok: true })
    expect(isRefused).to.equal(true)
    expect(performance.now() - sentAtMs).to.be.above(500)
  })
})
