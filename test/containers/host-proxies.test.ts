import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { MAX_TOKEN_CHARACTERS, MAX_WEBHOOK_BYTES, PROVIDER_TIMEOUT_MS } from '../../shared/limits.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { HAS_IPV6, HOST_PROXIES, startHostProxy } from '../support/host-proxy.ts'
import type { HostProxy, HostProxyName } from '../support/host-proxy.ts'
import { startNginx } from '../support/nginx-proxy.ts'
import { bearer, HANDSHAKE, send, UPGRADE, watchStream } from '../support/proxied-requests.ts'
import type { SentOptions } from '../support/proxied-requests.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { waitUntil, withTimeout } from '../support/wait.ts'
import { recallBody, signedQuery } from '../support/webhook.ts'

const NAMES = Object.keys(HOST_PROXIES) as HostProxyName[]
/** Longer than any of the proxies waits for an ordinary response. */
const HEARTBEAT_S = 12
/** The same, of a file. */
const SILENT_MS = 12_000
const MAX_SOCKETS = 12
/** A proxy that holds a response back waits for more of it, until the next sign of life. */
const AT_ONCE_MS = 10_000
const OUTER = '127.0.0.5'
const STRANGER = '127.0.0.4'

/** Sends a request through a proxy, on a connection of its own. */
const ask = (proxy: HostProxy, path: string, options: SentOptions = {}) =>
  send(`${proxy.url}${path}`, { ca: proxy.ca, ...options })

const webhook = (proxy: HostProxy, body: unknown = recallBody(), options: SentOptions = {}) =>
  ask(proxy, `/webhook?${new URLSearchParams(signedQuery()).toString()}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...options,
  })

const openStream = async (proxy: HostProxy, group: string) =>
  watchStream(proxy.url, group, await adminToken(), { ca: proxy.ca })

let seq = 1_000

// In order: what is killed is gone for those that follow.
describe('the proxies for plain hosts', () => {
  let redis: RedisServer
  let receivers: readonly [GatewayProcess, GatewayProcess]
  let nodes: readonly [GatewayProcess, GatewayProcess]
  const proxies = new Map<HostProxyName, HostProxy>()
  /** Opened first and looked at last, because they must be quiet for as long as it takes. */
  const quiet = new Map<HostProxyName, Awaited<ReturnType<typeof openStream>>>()
  const proxyOf = (name: HostProxyName): HostProxy => {
    const proxy = proxies.get(name)
    if (proxy === undefined) throw new Error(`${name} does not run`)
    return proxy
  }

  before(async () => {
    redis = await startRedis()
    const start = (ROLE: string, settings = {}): Promise<GatewayProcess> =>
      startGatewayProcess({
        ROLE,
        REDIS_URL: redis.url,
        TRUST_PROXY: `127.0.0.1,${OUTER}`,
        HEARTBEAT_S: String(HEARTBEAT_S),
        ...settings,
      })
    const [one, two, three, four] = await Promise.all([
      start('receiver'),
      start('receiver'),
      start('node', { MAX_SOCKETS: String(MAX_SOCKETS) }),
      start('node'),
    ])
    receivers = [one, two]
    nodes = [three, four]
    const behind = {
      receivers: receivers.map(({ port }) => port),
      nodes: nodes.map(({ port }) => port),
      outerProxy: OUTER,
    }
    await Promise.all(NAMES.map(async (name) => void proxies.set(name, await startHostProxy(name, behind))))
    // Proxies that ask whether processes are ready know it.
    for (const name of NAMES) {
      await waitUntil(`${name} serves`, async () => (await ask(proxyOf(name), '/livez')).status === 200)
      quiet.set(name, await openStream(proxyOf(name), 'quiet'))
    }
  })

  after(async () => {
    for (const stream of quiet.values()) stream.close()
    await Promise.all([...proxies.values()].map((proxy) => proxy.stop()))
    await Promise.all([...receivers, ...nodes].map((process) => process.stop()))
    await redis.stop()
  })

  const connectThrough = async (proxy: HostProxy, group: string, options = {}): Promise<Client> => {
    const client = await connect(proxy.url, await adminToken(), { ca: proxy.ca, ...options })
    await client.subscribe({ group })
    return client
  }

  for (const name of NAMES) {
    const group = `of-${name}`
    const recall = async (proxy: HostProxy): Promise<number> => {
      const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: ++seq }] })
      expect((await webhook(proxy, body)).status).to.equal(200)
      return seq
    }

    describe(name, () => {
      let proxy: HostProxy
      before(() => (proxy = proxyOf(name)))

      it('delivers a webhook to a socket and to a stream at once', async () => {
        const client = await connectThrough(proxy, group)
        const stream = await openStream(proxy, group)
        await waitUntil('the stream begins', () => stream.told().includes('event: subscribed'))
        const told = await recall(proxy)
        await client.count(1)
        await waitUntil('the stream tells it', () => stream.told().includes(`"seq":${told}`), AT_ONCE_MS)
        client.close()
        stream.close()
      })

      it('takes webhooks and tokens of the maximum size, and refuses what is larger', async () => {
        const body = JSON.stringify(recallBody({ GroupId: group }))
        const largest = body.padEnd(MAX_WEBHOOK_BYTES)
        expect((await webhook(proxy, largest)).status).to.equal(200)
        // Who is refused early may still be sending, and find the connection closed.
        const refusal = (answer: ReturnType<typeof ask>) =>
          answer.then(
            ({ status }) => status,
            () => 'closed',
          )
        expect(await refusal(webhook(proxy, `${largest} `))).to.be.oneOf([413, 'closed'])
        const rooms = Array.from({ length: 31 }, () => ({ group: 'g'.repeat(256) }))
        const token = await makeToken({ sub: 'u', role: 'admin', rooms })
        expect(token.length).to.be.within(11_000, MAX_TOKEN_CHARACTERS)
        const seqs = Array.from({ length: 1_000 }, (_, i) => Number.MAX_SAFE_INTEGER - i).join(',')
        const long = `/v1/recalled?group=g&seqs=${encodeURIComponent(seqs)}`
        expect((await ask(proxy, long, { headers: bearer(token) })).status).to.equal(200)
        const headers = bearer('x'.repeat(100_000))
        expect(await refusal(ask(proxy, '/v1/position?group=g', { headers }))).to.be.oneOf([
          400,
          431,
          'closed',
        ])
      })

      it('redirects to TLS', async () => {
        const { status, headers } = await fetch(`${proxy.plainUrl}/v1/status`, { redirect: 'manual' })
        expect(status).to.equal(308)
        expect(headers.get('location')).to.match(/^https:\/\/127\.0\.0\.1(:\d+)?\/v1\/status$/)
      })

      it('compresses long responses of the HTTP API', async () => {
        const MsgSeqList = Array.from({ length: 100 }, (_, i) => ({ MsgSeq: i + 1 }))
        const GroupId = `long-${name}`
        expect((await webhook(proxy, recallBody({ GroupId, MsgSeqList }))).status).to.equal(200)
        const headers = { ...bearer(await adminToken()), 'Accept-Encoding': 'gzip' }
        const response = await ask(proxy, `/v1/notices?group=${GroupId}`, { headers })
        expect([response.status, response.headers['content-encoding']]).to.deep.equal([200, 'gzip'])
      })

      it('hides the metrics', async () => {
        for (const path of ['/metrics', '/Metrics/', '/%6detrics', '//metrics', '/x/../metrics'])
          expect((await ask(proxy, path)).status, path).to.equal(404)
      })

      it('never logs Sign, tokens or the path of a webhook', async () => {
        const query = signedQuery()
        const parameters = new URLSearchParams(query).toString()
        await ask(proxy, `/webhook/secret-path?${parameters}`, { method: 'POST', body: '{}' })
        await ask(proxy, '/v1/position?group=logged', { headers: bearer(await adminToken()) })
        await waitUntil('the request is logged', () => proxy.log().includes('/v1/position'))
        expect(proxy.log()).to.not.include('secret-path').and.not.include('Sign=').and.not.include('eyJ')
      })

      it('limits each client behind one more proxy, and believes no stranger', async () => {
        const from = (localAddress: string, claim: string, token: string) =>
          ask(proxy, '/v1/position?group=g', {
            localAddress,
            headers: { ...bearer(token), ...(claim !== '' && { 'X-Forwarded-For': claim }) },
          })
        const one = `198.51.100.${NAMES.indexOf(name)}`
        const refused = async (address: string, claim: string): Promise<void> => {
          // On each of the nodes.
          await Promise.all(Array.from({ length: 100 }, (_, i) => from(address, claim, `bad.${i}.x`)))
          expect((await from(address, claim, 'bad.x.x')).status).to.equal(429)
        }
        const token = await adminToken()
        await refused(OUTER, one)
        expect((await from(OUTER, `forged, ${one}`, token)).status).to.equal(429)
        expect((await from(OUTER, '198.51.100.77', token)).status).to.equal(200)
        // All proxies of the test share the address of a stranger.
        await refused(STRANGER, '')
        expect((await from(STRANGER, '203.0.113.1', token)).status).to.equal(429)
        expect((await from('127.0.0.3', '', token)).status).to.equal(200)
      })

      it('recognizes the pages of the gateway, and those of no other origin', async () => {
        const open = (Origin: string) =>
          ask(proxy, HANDSHAKE, { headers: { ...UPGRADE, Origin, 'X-Forwarded-Host': 'evil.example' } })
        expect((await open(proxy.url)).status).to.equal(101)
        expect((await open('https://evil.example')).status).to.equal(403)
      })
    })
  }

  describe('while processes are full, and go one by one', () => {
    it('take no node from others because it is full', async () => {
      const [full] = nodes
      const fill = await Promise.all(
        Array.from({ length: MAX_SOCKETS }, () =>
          adminToken().then((token) => connect(full.url, token).catch(() => undefined)),
        ),
      )
      expect(
        (await fetch(`${full.url}${HANDSHAKE}`, { headers: UPGRADE }).catch(() => ({ status: 503 }))).status,
      ).to.equal(503)
      for (const name of NAMES) {
        const handshakes: (number | undefined)[] = []
        for (let i = 0; i < 12; i++)
          handshakes.push((await ask(proxyOf(name), HANDSHAKE, { headers: UPGRADE })).status)
        // HAProxy passes those who are refused on to the next node.
        const expected = name === 'HAProxy' ? [101] : [101, 503]
        expect(new Set(handshakes), name).to.deep.equal(new Set(expected))
        const headers = bearer(await adminToken())
        for (let i = 0; i < 6; i++)
          expect((await ask(proxyOf(name), '/v1/position?group=g', { headers })).status, name).to.equal(200)
      }
      for (const client of fill) client?.close()
    })

    it('keep a stream open that is quiet from one sign of life of the node to the next', async () => {
      for (const name of NAMES) {
        const stream = quiet.get(name)
        if (stream === undefined) continue
        const signs = stream.signsAtMs
        await waitUntil('three comments', () => signs.length >= 3 || !stream.isOpen())
        expect(stream.isOpen(), name).to.equal(true)
        // A busy machine reads one of them late.
        expect(Math.max(...signs.slice(1).map((atMs, i) => atMs - (signs[i] ?? atMs))), name).to.be.above(
          10_000,
        )
      }
    })

    for (const name of NAMES)
      it(`${name} loads its configuration again${name === 'Caddy' ? '' : ' without ending a socket'}`, async () => {
        const proxy = proxyOf(name)
        const client = await connectThrough(proxy, 'reload', { reconnection: true })
        await proxy.reload()
        expect((await ask(proxy, '/livez')).status).to.equal(200)
        // Caddy 2.6 ends the sockets.
        if (name === 'Caddy') await waitUntil('the socket is back', () => client.socket.connected)
        else {
          await webhook(proxy, recallBody({ GroupId: 'reload', MsgSeqList: [{ MsgSeq: ++seq }] }))
          await client.count(1)
        }
        client.close()
      })

    it('ask other processes at once when one is killed', async () => {
      receivers[0].signal('SIGKILL')
      nodes[0].signal('SIGKILL')
      await Promise.all([receivers[0].exited, nodes[0].exited])
      const headers = bearer(await adminToken())
      for (const name of NAMES) {
        const tookMs: number[] = []
        for (let i = 0; i < 4; i++) {
          const startMs = performance.now()
          expect((await webhook(proxyOf(name))).status, name).to.equal(200)
          expect((await ask(proxyOf(name), '/v1/position?group=g', { headers })).status, name).to.equal(200)
          const order = { method: 'POST', headers, body: JSON.stringify({ userId: 'nobody' }) }
          expect((await ask(proxyOf(name), '/v1/disconnect', order)).status, name).to.equal(200)
          expect((await ask(proxyOf(name), HANDSHAKE, { headers: UPGRADE })).status, name).to.equal(101)
          tookMs.push(performance.now() - startMs)
        }
        // One that waits for a process that is gone does so again and again; a machine that is busy does not.
        expect(Math.min(...tookMs), name).to.be.below(PROVIDER_TIMEOUT_MS)
      }
    })

    it('let the provider time out if no receiver is left, because it does not retry after an error', async () => {
      receivers[1].signal('SIGKILL')
      await receivers[1].exited
      await Promise.all(
        NAMES.map(async (name) => {
          const startMs = performance.now()
          const { status, body } = await webhook(proxyOf(name))
          expect(performance.now() - startMs, name).to.be.above(PROVIDER_TIMEOUT_MS)
          expect([status, JSON.parse(body)['ErrorCode']], name).to.deep.equal([503, 503])
        }),
      )
    })

    it('say that no node responds', async () => {
      nodes[1].signal('SIGKILL')
      await nodes[1].exited
      for (const name of NAMES) {
        const { status, headers, body } = await ask(proxyOf(name), '/v1/position?group=g')
        expect(status, name).to.be.within(502, 504)
        if (name === 'Caddy') continue
        expect(JSON.parse(body)['code'], name).to.equal('NODE_UNREACHABLE')
        expect(headers['access-control-allow-origin'], name).to.equal('*')
      }
    })
  })
})

describe('the proxies for plain hosts before processes that break off', () => {
  const servers: Server[] = []
  after(() => servers.forEach((server) => (server.closeAllConnections(), server.close())))

  const listen = async (listener: RequestListener): Promise<number> => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    servers.push(server)
    return (server.address() as AddressInfo).port
  }

  for (const name of NAMES)
    it(`${name} sends a webhook again, and nothing else that may have been done`, async () => {
      const asked: string[] = []
      const ready: RequestListener = ({ url = '' }, response) => void response.end(url)
      const breaksOff: RequestListener = (sent, response) => {
        if (sent.method === 'GET') return ready(sent, response)
        asked.push(sent.url ?? '')
        sent.resume().on('end', () => sent.socket.destroy())
      }
      const takes: RequestListener = (sent, response) => {
        void text(sent).then((body) => response.end(body))
      }
      const broken = await listen(breaksOff)
      const receivers = [broken, await listen(takes)]
      const proxy = await startHostProxy(name, { receivers, nodes: [broken, broken] })
      try {
        for (let i = 0; i < 2; i++) {
          const startMs = performance.now()
          const { status, body } = await webhook(proxy, 'x'.repeat(20_000))
          // Caddy cannot send it again, but lets the provider do it.
          if (name === 'Caddy' && status === 503)
            expect(performance.now() - startMs).to.be.above(PROVIDER_TIMEOUT_MS)
          else expect([status, body.length]).to.deep.equal([200, 20_000])
        }
        const posted = await ask(proxy, '/v1/disconnect', { method: 'POST', body: '{}' })
        expect(posted.status).to.be.within(502, 504)
        expect(asked.filter((url) => url.startsWith('/v1/'))).to.deep.equal(['/v1/disconnect'])
      } finally {
        await proxy.stop()
      }
    })

  for (const name of NAMES)
    it(`${name} says how a client has asked, and lets only proxies say it instead`, async () => {
      const port = await listen(({ headers }, response) => void response.end(JSON.stringify(headers)))
      const proxy = await startHostProxy(name, { receivers: [port], nodes: [port] })
      const said = async (localAddress: string): Promise<unknown[]> => {
        const headers = {
          'X-Forwarded-For': '198.51.100.9',
          'X-Forwarded-Proto': 'http',
          'X-Forwarded-Host': 'app.example',
        }
        const told = JSON.parse((await ask(proxy, '/x', { localAddress, headers })).body) as unknown
        const { 'x-forwarded-proto': proto, 'x-forwarded-host': host } = told as IncomingMessage['headers']
        return [proto, host]
      }
      try {
        expect(await said('127.0.0.1')).to.deep.equal(['http', 'app.example'])
        const [proto, host] = await said(STRANGER)
        expect(proto).to.equal('https')
        expect(host).to.not.equal('app.example')
        if (name === 'Caddy' || !HAS_IPV6) return
        const own = { headers: { Host: 'recalls.example.com' }, checkServerIdentity: () => undefined }
        const { body } = await ask({ ...proxy, url: proxy.url.replace('127.0.0.1', '[::1]') }, '/x', own)
        expect(JSON.parse(body)['x-forwarded-for']).to.equal('::1')
      } finally {
        await proxy.stop()
      }
    })

  it('leave the time of a response to the gateway, as the console does', async () => {
    const Date = 'Thu, 01 Jan 2026 00:00:00 GMT'
    const port = await listen((_, response) => void response.writeHead(200, { Date }).end())
    const upstreams = { receivers: [port], nodes: [port] }
    const started = await Promise.all([
      ...NAMES.map(async (name) => await startHostProxy(name, upstreams)),
      startNginx({ receiver: port, nodes: [port, port] }),
    ])
    try {
      for (const proxy of started)
        for (const path of ['/', '/v1/health', '/v1/stream', '/v1/export']) {
          const { headers } = await send(`${proxy.url}${path}`, 'ca' in proxy ? { ca: proxy.ca } : {})
          expect(headers['date'], path).to.equal(Date)
        }
    } finally {
      await Promise.all(started.map((proxy) => proxy.stop()))
    }
  })

  it('pass on a file whole, though the node has nothing to say for longer than they wait for other responses', async () => {
    const port = await listen(({ url = '' }, response) => {
      if (!url.startsWith('/v1/')) return void response.end()
      // An export has its head at once, evidence nothing before the first line.
      if (url.startsWith('/v1/export')) response.write('head\r\n')
      setTimeout(() => response.end('last\r\n'), SILENT_MS)
    })
    await Promise.all(
      NAMES.map(async (name) => {
        const proxy = await startHostProxy(name, { receivers: [port], nodes: [port] })
        try {
          const paths = ['/v1/export?q=x&format=csv', '/v1/evidence?feed=true']
          const files = await Promise.all(
            paths.map(async (path) => await ask(proxy, path, { withinMs: 2 * SILENT_MS })),
          )
          expect(
            files.map(({ body }) => body),
            name,
          ).to.deep.equal(['head\r\nlast\r\n', 'last\r\n'])
        } finally {
          await proxy.stop()
        }
      }),
    )
  })

  it('HAProxy takes only so many connections of one address, but of a proxy', async () => {
    const port = await listen((_, response) => void response.end())
    const proxy = await startHostProxy('HAProxy', { receivers: [port], nodes: [port], maxPerAddress: 3 })
    const statusOf = (localAddress: string): Promise<unknown> =>
      ask(proxy, '/x', { localAddress }).then(
        ({ status }) => status,
        () => 'closed',
      )
    const open = async (localAddress: string) => {
      const tcp = connectTcp({ port: proxy.port, host: '127.0.0.1', localAddress })
      const tls = connectTls({ socket: tcp, ca: proxy.ca, host: '127.0.0.1' })
      await withTimeout('it is open', once(tls, 'secureConnect'))
      return tls
    }
    try {
      const idle = await Promise.all([STRANGER, STRANGER, STRANGER].map(open))
      expect(await statusOf(STRANGER)).to.equal('closed')
      expect(await statusOf('127.0.0.6')).to.equal(200)
      const outer = await Promise.all(Array.from({ length: 5 }, () => open('127.0.0.1')))
      expect(await statusOf('127.0.0.1')).to.equal(200)
      for (const one of [...idle, ...outer]) one.destroy()
      await waitUntil('they are forgotten', async () => (await statusOf(STRANGER)) === 200)
    } finally {
      await proxy.stop()
    }
  })

  it('HAProxy keeps the floating address while nodes do not answer, and loses it when it ends', async () => {
    // Takes the request, as a machine does that is cut off or frozen and was not left out yet.
    const silent = await listen(({ url }, response) => void (url === '/readyz' && response.end()))
    const proxy = await startHostProxy('HAProxy', { receivers: [silent], nodes: [silent, silent] })
    const recipe = readFileSync(new URL('../../../server/deploy/keepalived.conf', import.meta.url), 'utf8')
    const [program = '', ...args] = (/^ +script "(.*)"$/m.exec(recipe)?.[1] ?? '')
      .replace('https://127.0.0.1', proxy.url)
      .replace('http://127.0.0.1', proxy.plainUrl)
      .split(' ')
    const isAlive = (): Promise<boolean> =>
      promisify(execFile)(program, args).then(
        () => true,
        () => false,
      )
    try {
      // One time, it has a second; keepalived asks again and again.
      await waitUntil('it is alive', isAlive)
    } finally {
      await proxy.stop()
    }
    expect(await isAlive()).to.equal(false)
  })

  for (const name of ['nginx', 'HAProxy'] as const)
    it(`${name} takes the address of a client from the PROXY protocol`, async () => {
      const port = await listen(({ headers }, response) => void response.end(headers['x-forwarded-for']))
      const proxy = await startHostProxy(name, { receivers: [port], nodes: [port], proxyProtocol: true })
      try {
        const tcp = connectTcp(proxy.port, '127.0.0.1')
        tcp.write('PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n')
        const tls = connectTls({ socket: tcp, ca: proxy.ca, host: '127.0.0.1' })
        tls.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        const answer = await withTimeout('the response arrives', text(tls))
        expect(answer).to.include('198.51.100.7')
      } finally {
        await proxy.stop()
      }
    })
})
