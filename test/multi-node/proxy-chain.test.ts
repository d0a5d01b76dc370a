import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { connect as connectTcp } from 'node:net'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { MAX_REQUEST_BYTES, MAX_WEBHOOK_BYTES, MAX_SEQS, MAX_TOKEN_CHARACTERS } from '../../shared/limits.ts'
import { ERRORS } from '../../shared/errors.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get, openStream } from '../support/http-api.ts'
import { startNginx, startOtherNginx } from '../support/nginx-proxy.ts'
import type { NginxProxy } from '../support/nginx-proxy.ts'
import { freePort } from '../support/free-port.ts'
import { HANDSHAKE, send, UPGRADE, watchStream } from '../support/proxied-requests.ts'
import { readMetric } from '../support/read-metric.ts'
import { waitUntil, withTimeout } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const GROUP = '@TGS#1'
const BASE = '/recalls'

const json = ({ body }: { readonly body: string }): Record<string, unknown> =>
  JSON.parse(body) as Record<string, unknown>

/** The topology of docker-compose.yml in one process, its nginx.conf, and proxies that others put in front. */
/** Longer than proxies wait for other responses. */
const HEARTBEAT_S = 12

describe('the gateway behind the proxy of docker-compose.yml and others', () => {
  let gateway: GatewayProcess
  let proxy: NginxProxy
  const others: NginxProxy[] = []
  const outer = async (directives: string): Promise<string> => {
    const other = await startOtherNginx(directives)
    others.push(other)
    return other.url
  }
  /** Opened first and looked at last, because it must be quiet for as long as it takes. */
  let quiet: { readonly signsAtMs: readonly number[]; readonly isOpen: () => boolean }

  before(async () => {
    gateway = await startGatewayProcess({
      TRUST_PROXY: 'loopback',
      BASE_PATH: BASE,
      HEARTBEAT_S: String(HEARTBEAT_S),
    })
    const { port } = gateway
    proxy = await startNginx({ receiver: port, nodes: [port, port], outerProxies: '127.0.0.5' })
    quiet = await watchStream(proxy.url, 'quiet', await adminToken())
  })

  after(async () => {
    for (const other of others) await other.stop()
    await proxy.stop()
    await gateway.stop()
  })

  describe('behind one more proxy', () => {
    const askFrom = async (url: string, localAddress: string, token: string, headers = {}) =>
      send(`${url}/v1/position?group=${encodeURIComponent(GROUP)}`, {
        localAddress,
        headers: { Authorization: `Bearer ${token}`, ...headers },
      })
    const refuseUntilLimited = async (url: string, localAddress: string, headers = {}): Promise<void> => {
      for (let i = 0; i < 30; i++) await askFrom(url, localAddress, `bad.${i}.x`, headers)
      const { status } = await askFrom(url, localAddress, 'bad.31.x', headers)
      expect(status).to.equal(429)
    }

    it('limits each client, not the proxy', async () => {
      const url = await outer(
        `location / { proxy_pass ${proxy.url}; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }`,
      )
      await refuseUntilLimited(url, '127.0.0.2')
      const token = await adminToken()
      expect((await askFrom(url, '127.0.0.2', token)).status).to.equal(429)
      expect((await askFrom(url, '127.0.0.3', token)).status).to.equal(200)
      expect((await askFrom(proxy.url, '127.0.0.3', token)).status).to.equal(200)
    })

    it('believes only the proxies that are named, in every form', async () => {
      const token = await adminToken()
      // Whatever a stranger says, its own address is limited.
      await refuseUntilLimited(proxy.url, '127.0.0.4')
      for (const claim of ['203.0.113.1', '203.0.113.2:4711', '127.0.0.1']) {
        expect((await askFrom(proxy.url, '127.0.0.4', token, { 'X-Forwarded-For': claim })).status).to.equal(
          429,
        )
      }
      // The clients of a named proxy are limited each for itself, however it writes their addresses.
      await refuseUntilLimited(proxy.url, '127.0.0.5', { 'X-Forwarded-For': '198.51.100.1' })
      for (const [form, status] of [
        ['198.51.100.1:4711', 429],
        ['forged, 198.51.100.1', 429],
        ['198.51.100.2:4711', 200],
        ['[2001:db8::1]:4711', 200],
      ] as const) {
        const answer = await askFrom(proxy.url, '127.0.0.5', token, { 'X-Forwarded-For': form })
        expect(answer.status, form).to.equal(status)
      }
    })

    it('recognizes its own pages, though the proxy in front names another host', async () => {
      const url = await outer(
        `location / { proxy_pass ${proxy.url}; proxy_http_version 1.1; proxy_set_header X-Forwarded-Host $http_host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`,
      )
      const open = (headers: Record<string, string>) =>
        send(`${url}${HANDSHAKE}`, { localAddress: '127.0.0.7', headers: { ...UPGRADE, ...headers } })
      expect(
        (await open({ Host: 'Chat.example.com:443', Origin: 'https://chat.example.com' })).status,
      ).to.equal(101)
      const refused = await open({ Host: 'chat.example.com', Origin: 'https://evil.example' })
      expect(refused.status).to.equal(403)
      expect(json(refused)).to.include({ code: 'ORIGIN_REFUSED', retry: false })
      expect(json(refused)['message']).to.include('https://evil.example')
      // The page cannot read that answer, but it can ask.
      const asked = await send(`${url}${HANDSHAKE}`, {
        localAddress: '127.0.0.7',
        headers: { Host: 'chat.example.com', Origin: 'https://evil.example' },
      })
      expect([asked.status, json(asked)]).to.deep.equal([403, json(refused)])
      expect(asked.headers['access-control-allow-origin']).to.equal('*')
      await waitUntil('the refusal is logged', () => gateway.output().includes('"code":"ORIGIN_REFUSED"'))
      expect(
        await readMetric(gateway.url, 'refusals_total{entrance="handshake",code="ORIGIN_REFUSED"}'),
      ).to.equal(2)
    })

    it('streams at once through a proxy that buffers', async () => {
      const url = await outer(
        `location / { proxy_pass ${proxy.url}; proxy_http_version 1.1; gzip on; gzip_types *; }`,
      )
      const stream = await openStream(url, `group=${encodeURIComponent(GROUP)}`, await adminToken())
      await stream.first('subscribed')
      await postWebhook(proxy.url, { body: recallBody({ MsgSeqList: [{ MsgSeq: 7 }] }) })
      await stream.first('messages-recalled')
      expect(stream.seqs()).to.deep.equal([7])
      stream.close()
    })
  })

  describe('with requests of the maximum size', () => {
    const seqs = Array.from({ length: MAX_SEQS }, (_, i) => Number.MAX_SAFE_INTEGER - i)
    /** A token of the most characters that are accepted, or a few less. */
    const longToken = async (): Promise<string> => {
      const sub = 'u'
      const short = await makeToken({ sub, role: 'admin', rooms: [{ group: '' }] })
      const padding = Math.floor(((MAX_TOKEN_CHARACTERS - short.length) * 3) / 4) - 2
      const groups = Array.from({ length: Math.floor(padding / 270) }, () => ({ group: 'g'.repeat(256) }))
      return makeToken({ sub, role: 'admin', rooms: groups })
    }

    it('takes a long token and a query of 1,000 seqs, escaped', async () => {
      const token = await longToken()
      expect(token.length).to.be.within(11_000, MAX_TOKEN_CHARACTERS)
      const query = `group=g&seqs=${encodeURIComponent(seqs.join(','))}`
      for (const url of [proxy.url, gateway.url]) {
        const { status, body } = await get(url, `/v1/recalled?${query}`, token)
        expect([status, body['recalled']]).to.deep.equal([200, []])
      }
    })

    it('takes 1,000 seqs over a socket too', async () => {
      const client = await connect(proxy.url, await adminToken())
      expect(await client.request({ group: 'g', seqs }, 'recalled')).to.deep.equal({ ok: true, recalled: [] })
      client.close()
    })

    for (const kib of [8, 9, 12, 15, 40, 200]) {
      it(`answers a header of ${kib} KiB so that it can be understood`, async () => {
        const Authorization = `Bearer ${'x'.repeat(kib * 1_024)}`
        const answer = await send(`${proxy.url}/v1/position?group=g`, { headers: { Authorization } })
        expect(json(answer)).to.include(
          kib > 32 ? { code: 'HEADERS_TOO_LARGE', retry: false } : { code: 'TOKEN_REFUSED', retry: false },
        )
        expect(answer.headers['content-type']).to.match(/^application\/json/)
      })
    }

    it('says that a body or a request line is too large', async () => {
      const headers = { Authorization: `Bearer ${await adminToken()}` }
      const body = 'x'.repeat(MAX_REQUEST_BYTES + 1)
      const posted = await fetch(`${proxy.url}/v1/disconnect`, { method: 'POST', headers, body })
      expect([posted.status, (await posted.json()) as object]).to.deep.equal([
        400,
        { code: 'REQUEST_MALFORMED', message: 'the body is larger than 24 KiB', retry: false },
      ])
      const line = await send(`${proxy.url}/v1/position?group=${'g'.repeat(40_000)}`, { headers })
      expect([line.status, json(line)['code']]).to.deep.equal([431, 'HEADERS_TOO_LARGE'])
      const webhook = await postWebhook(proxy.url, { body: 'x'.repeat(MAX_WEBHOOK_BYTES + 1) })
      expect([webhook.status, webhook.body]).to.deep.equal([
        413,
        {
          ActionStatus: 'FAIL',
          ErrorInfo: `BODY_TOO_LARGE: ${ERRORS.BODY_TOO_LARGE.text}`,
          ErrorCode: 413,
          retry: false,
        },
      ])
    })

    it('refuses a request with two hosts, and takes a health check over HTTP/1.0 with none', async () => {
      const write = (lines: string): Promise<string> => {
        const socket = connectTcp(Number(new URL(proxy.url).port), '127.0.0.1')
        socket.write(lines)
        return withTimeout('the response arrives', text(socket))
      }
      const two = await write('GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n')
      expect(two).to.match(/^HTTP\/1\.1 400 /)
      expect(two).to.include('"code":"REQUEST_MALFORMED"').and.include('Content-Type: application/json')
      expect(await write('GET /livez HTTP/1.0\r\n\r\n')).to.match(/^HTTP\/1\.1 200 /)
    })
  })

  describe('below a path', () => {
    let stripping: string

    before(async () => {
      stripping = await outer(
        `location ${BASE}/ { proxy_pass ${proxy.url}/; proxy_http_version 1.1; proxy_set_header Host $http_host;
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`,
      )
    })

    for (const [name, urlOf] of [
      ['stripped by the proxy in front', () => stripping],
      ['passed on to the gateway', () => proxy.url],
    ] as const) {
      describe(name, () => {
        it('serves the console with everything it loads, and the documents', async () => {
          const url = `${urlOf()}${BASE}/`
          const page = await (await fetch(url)).text()
          const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(
            ([, link = '']) => new URL(link, url).href,
          )
          expect(links.length).to.be.at.least(3)
          const docs = await fetch(`${urlOf()}${BASE}/docs`)
          expect(docs.url).to.equal(`${urlOf()}${BASE}/docs/`)
          const [, up = ''] = /href="([^"]+)">Open the console/.exec(await docs.text()) ?? []
          expect(new URL(up, docs.url).href).to.equal(url)
          for (const link of [...links, `${url}docs/docs.css`, `${url}client.js`]) {
            const { status, headers } = await fetch(link, { headers: { 'Accept-Encoding': 'br' } })
            expect([status, headers.get('content-encoding')], link).to.deep.equal([200, 'br'])
          }
        })

        it('serves the HTTP API, streams, sockets and webhooks', async () => {
          const url = `${urlOf()}${BASE}`
          const token = await adminToken()
          const seq = name.length
          expect((await get(url, `/v1/position?group=below`, token)).status).to.equal(200)
          expect((await send(`${url}${HANDSHAKE}`, { headers: UPGRADE })).status).to.equal(101)
          const stream = await openStream(url, 'group=below', token)
          await stream.first('subscribed')
          const body = recallBody({ GroupId: 'below', MsgSeqList: [{ MsgSeq: seq }] })
          expect((await postWebhook(url, { body })).status).to.equal(200)
          await stream.first('messages-recalled')
          expect(stream.seqs()).to.deep.equal([seq])
          stream.close()
        })

        it('compresses long responses of the HTTP API', async () => {
          const url = `${urlOf()}${BASE}`
          const seqs = Array.from({ length: 100 }, (_, i) => ({ MsgSeq: 1000 + i }))
          const long = recallBody({ GroupId: 'long', MsgSeqList: seqs })
          expect((await postWebhook(url, { body: long })).status).to.equal(200)
          const notices = await get(url, '/v1/notices?group=long', await adminToken(), {
            'Accept-Encoding': 'gzip',
          })
          const { status, headers } = notices
          expect([status, headers.get('content-encoding')]).to.deep.equal([200, 'gzip'])
          expect(headers.get('vary')).to.include('Accept-Encoding')
          expect(JSON.stringify(notices.body)).to.include('"seq":1099')
        })

        it('hides the metrics', async () => {
          for (const path of ['/metrics', '/Metrics/', '/%6detrics', '//metrics', '/x/../metrics'])
            expect((await send(`${urlOf()}${BASE}${path}`)).status, path).to.equal(404)
        })
      })
    }

    it('leads from the path without a slash to the console', async () => {
      const { status, headers } = await send(`${proxy.url}${BASE}?a=b`)
      expect([status, headers.location]).to.deep.equal([308, 'recalls/?a=b'])
    })
  })

  // After all others, which take some of the time.
  describe('for a long time', () => {
    it('keeps a stream open that is quiet from one sign of life of the node to the next', async () => {
      const signs = quiet.signsAtMs
      await waitUntil('three comments arrive', () => signs.length >= 3 || !quiet.isOpen())
      expect(quiet.isOpen()).to.equal(true)
      // A busy machine reads one of them late.
      expect(Math.max(...signs.slice(1).map((atMs, i) => atMs - (signs[i] ?? atMs)))).to.be.above(10_000)
    })
  })
})

describe('the proxy of docker-compose.yml before nodes that fail', () => {
  const servers: Server[] = []
  let proxy: NginxProxy
  let ports: [number, number]

  /** Stands in for a node: refuses sockets as a full one does, and serves the rest. */
  const startFullNode = async (port: number): Promise<Server> => {
    const server = createServer((_request, response) => void response.end(`${port}`))
    server.on('upgrade', (_request, socket) =>
      socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      ),
    )
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    servers.push(server)
    return server
  }
  const end = async (server: Server | undefined): Promise<void> => {
    server?.close()
    server?.closeAllConnections()
    if (server?.listening) await once(server, 'close')
  }

  beforeEach(async () => {
    ports = [await freePort(), await freePort()]
    for (const port of ports) await startFullNode(port)
    proxy = await startNginx({ receiver: ports[0], nodes: ports })
  })

  afterEach(async () => {
    await proxy.stop()
    for (const server of servers.splice(0)) await end(server)
  })

  const ask = async (count: number): Promise<string[]> => {
    const answers: string[] = []
    for (let i = 0; i < count; i++) {
      const { status, body } = await send(`${proxy.url}/v1/position`)
      answers.push(status === 200 ? body : String(status))
    }
    return answers
  }

  it('takes no node from others because it refuses one client', async () => {
    for (let i = 0; i < 12; i++) {
      const refused = await send(`${proxy.url}${HANDSHAKE}`, { headers: UPGRADE })
      expect([refused.status, refused.headers['retry-after']]).to.deep.equal([503, '1'])
    }
    expect(new Set(await ask(8))).to.deep.equal(new Set(ports.map(String)))
    expect(proxy.log()).to.not.include('no live upstreams')
  })

  it('leaves a node that is gone, and comes back to it', async () => {
    await end(servers[0])
    expect(new Set(await ask(12))).to.deep.equal(new Set([String(ports[1])]))
    await startFullNode((servers[0]?.address() as AddressInfo | null)?.port ?? ports[0])
    await waitUntil('the node is used again', async () => (await ask(2)).includes(String(ports[0])))
  })

  it('says that no node responded, and when to try again', async () => {
    for (const server of servers) await end(server)
    const answer = await send(`${proxy.url}/v1/position`)
    expect([answer.status, json(answer)['code'], json(answer)['retry']]).to.deep.equal([
      503,
      'NODE_UNREACHABLE',
      true,
    ])
    expect(answer.headers['retry-after']).to.equal('1')
    // A page of another origin may read why.
    expect(answer.headers['access-control-allow-origin']).to.equal('*')
  })
})
