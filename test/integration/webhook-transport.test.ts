import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { openRaw } from '../support/raw-connection.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery, webhookHead } from '../support/webhook.ts'

const FORGED = { ...signedQuery(), Sign: '0'.repeat(64) }
const nowS = (): number => Math.floor(Date.now() / 1_000)

describe('webhooks on the wire', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  before(async () => (gateway = await startGatewayProcess()))
  after(() => gateway.stop())

  const open = async (to = gateway) => {
    const connection = await openRaw(to.port)
    onCleanUp(connection.destroy)
    return connection
  }
  const subscribe = async (to: GatewayProcess): Promise<Client> => {
    const client = await connect(to.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ feed: true })
    return client
  }
  const body = (seq: number, group = 'wire'): string =>
    JSON.stringify(recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] }))
  const post = (to: GatewayProcess, path: string, query = signedQuery()): Promise<Response> =>
    fetch(`${to.url}${path}?${new URLSearchParams(query).toString()}`, { method: 'POST', body: body(1) })
  const errorOf = async (response: Response): Promise<string> =>
    ((await response.json()) as { ErrorInfo: string }).ErrorInfo
  const outcomes = async (of: GatewayProcess, code: string): Promise<number> =>
    Number(
      new RegExp(`webhooks_total{outcome="${code}",command="[^"]+"} (\\d+)`).exec(
        await (await fetch(`${of.url}/metrics`)).text(),
      )?.[1] ?? 0,
    )

  describe('the body', () => {
    it('of a forged, stale or foreign call is not waited for, and its connection is closed', async () => {
      for (const [query, code] of [
        [FORGED, 'WEBHOOK_FORGED'],
        [signedQuery(undefined, nowS() - 120), 'WEBHOOK_STALE'],
        [{ ...signedQuery(), SdkAppid: '1' }, 'APP_NOT_OURS'],
      ] as const) {
        const connection = await open()
        connection.send(webhookHead({ query, headers: { 'Content-Length': 200_000 } }) + 'x'.repeat(1_000))
        expect(await connection.until(code)).to.match(/^HTTP\/1\.1 40[13] .*Connection: close/s)
        await waitUntil('the connection is closed', connection.isClosed)
      }
    })

    it('is read after 100 Continue, and in chunks', async () => {
      const connection = await open()
      const text = body(2)
      const head = webhookHead({ headers: { 'Content-Length': text.length, Expect: '100-continue' } })
      connection.send(head)
      await connection.until('100 Continue')
      connection.send(text)
      await connection.until('"OK"')
      const chunk = body(3)
      connection.send(webhookHead({ headers: { 'Transfer-Encoding': 'chunked' } }))
      connection.send(`${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`)
      await connection.until(/"OK".*HTTP\/1\.1 200 .*"OK"/s)
    })

    it('that is compressed is refused, saying so', async () => {
      const connection = await open()
      connection.send(webhookHead({ headers: { 'Content-Length': 2, 'Content-Encoding': 'gzip' } }) + 'xx')
      expect(await connection.until('BODY_UNREADABLE')).to.match(/^HTTP\/1\.1 400 .*Content-Encoding/s)
    })

    it('that takes longer than the provider waits is stored and delivered all the same', async () => {
      const redis = await startRedis()
      onCleanUp(redis.stop)
      const slow = await startGatewayProcess({ REDIS_URL: redis.url })
      onCleanUp(slow.stop)
      const client = await subscribe(slow)
      const connection = await open(slow)
      const text = body(4)
      const startedAtMs = performance.now()
      connection.send(webhookHead({ headers: { 'Content-Length': text.length } }) + text.slice(0, 10))
      await waitUntil('the provider has given up', () => performance.now() - startedAtMs > 2_050)
      connection.send(text.slice(10))
      await connection.until('"OK"')
      await client.count(1)
      expect(client.seqs()).to.deep.equal([4])
    })
  })

  it('keeps the connection after a refusal, if the body has arrived', async () => {
    const connection = await open()
    const text = body(5)
    const headers = { 'Content-Length': text.length }
    connection.send(webhookHead({ query: FORGED, headers }) + text)
    await connection.until('WEBHOOK_FORGED')
    connection.send(webhookHead({ method: 'PUT', headers }) + text)
    await connection.until('METHOD_NOT_ALLOWED')
    connection.send(webhookHead({ headers: { 'Content-Length': 2 } }) + '[]')
    await connection.until('WEBHOOK_MALFORMED')
    connection.send(webhookHead({ headers }) + text)
    await connection.until('"OK"')
  })

  it('answers HEAD and OPTIONS with 405 and the method that is right', async () => {
    for (const method of ['HEAD', 'OPTIONS']) {
      const response = await fetch(`${gateway.url}/webhook`, { method })
      expect(response.status).to.equal(405)
      expect(response.headers.get('allow')).to.equal('POST')
    }
    await waitUntil('it is logged', () => gateway.output().includes('"METHOD_NOT_ALLOWED"'))
  })

  it('says with each refusal whether trying again helps', async () => {
    expect((await postWebhook(gateway.url, { query: FORGED })).body).to.include({ retry: false })
  })

  describe('the path', () => {
    it('is the same in every spelling', async () => {
      for (const path of [
        '/webhook/',
        '//webhook',
        '/./webhook',
        '/x/../webhook',
        '/%77ebhook',
        '/webhook//',
      ])
        expect((await postAs(path)).status, path).to.equal(200)
    })

    /** `fetch` would resolve dot segments before it sends them. */
    const postAs = async (path: string): Promise<{ status: number }> => {
      const connection = await open()
      connection.send(webhookHead({ path, headers: { 'Content-Length': body(6).length } }) + body(6))
      return { status: Number(/HTTP\/1\.1 (\d+)/.exec(await connection.until(/\}$/))?.[1]) }
    }

    it('of a webhook that is not ours is refused with a reason, logged and counted', async () => {
      const before = await outcomes(gateway, 'NOT_FOUND')
      const other = await post(gateway, '/callback')
      expect(other.status).to.equal(404)
      expect(await errorOf(other)).to.match(/^NOT_FOUND: .*WEBHOOK_PATH$/)
      expect(await errorOf(await post(gateway, '/Webhook'))).to.include('capital letters')
      expect(await outcomes(gateway, 'NOT_FOUND')).to.equal(before + 2)
      await waitUntil('it is logged', () => /"NOT_FOUND".*"webhook refused"/.test(gateway.output()))
    })

    it('may be set with a slash at its end, or be the root beside the console', async () => {
      for (const [setting, path] of [
        ['/hook/', '/hook'],
        ['/', '/'],
      ] as const) {
        const root = await startGatewayProcess({ WEBHOOK_PATH: setting })
        onCleanUp(root.stop)
        expect((await post(root, path)).status).to.equal(200)
        const page = await fetch(`${root.url}/`)
        expect(page.status).to.equal(200)
        expect(page.headers.get('content-type')).to.include('text/html')
      }
    })
  })

  it('accepts the parameters in any order and spelling', async () => {
    const entries = Object.entries(signedQuery()).toReversed()
    expect((await post(gateway, '/webhook', Object.fromEntries(entries))).status).to.equal(200)
    const lower = Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]))
    expect((await post(gateway, '/webhook', lower)).status).to.equal(200)
    const encoded = Object.entries(signedQuery()).map(
      ([name, value]) => `${name}=${Array.from(value, (c) => `%${c.charCodeAt(0).toString(16)}`).join('')}`,
    )
    const response = await fetch(`${gateway.url}/webhook?${encoded.join('&')}`, {
      method: 'POST',
      body: body(7),
    })
    expect(response.status).to.equal(200)
  })

  it('refuses an address that is not allowed with a reason, and logs which one', async () => {
    const strict = await startGatewayProcess({ WEBHOOK_ALLOW: '203.0.113.0/24' })
    onCleanUp(strict.stop)
    const refused = await post(strict, '/webhook')
    expect(refused.status).to.equal(403)
    expect(await errorOf(refused)).to.match(/^ADDRESS_REFUSED/)
    await waitUntil('it is logged', () => /"ADDRESS_REFUSED".*"address":"127\.0\.0\.1"/.test(strict.output()))
  })

  it('judges a call that waited while the process stood still by when it may have arrived', async () => {
    const stopped = await startGatewayProcess()
    onCleanUp(stopped.stop)
    const client = await subscribe(stopped)
    // Fresh when it is sent, and too old when the process continues.
    const query = signedQuery(undefined, nowS() - 58)
    stopped.signal('SIGSTOP')
    const stoppedAtMs = performance.now()
    const waiting = post(stopped, '/webhook', query)
    await waitUntil('the call is too old', () => performance.now() - stoppedAtMs > 4_000)
    stopped.signal('SIGCONT')
    expect((await waiting).status).to.equal(200)
    await client.count(1)
    const isRefused = async () => (await post(stopped, '/webhook', query)).status === 401
    await waitUntil('the process has caught up', isRefused)
  })
})
