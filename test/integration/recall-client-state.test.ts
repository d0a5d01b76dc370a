import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { readFileSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import type { RecallClient, RecallClientOptions, State } from '../../shared/client.ts'
import { makeCertificate } from '../support/certificate.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startFakeGateway } from '../support/fake-gateway.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf } from '../support/recall-client.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const room = { group: 'g' }
const noop = (): void => undefined

describe('what a client says of its connection', () => {
  const onCleanUp = cleanUpAfterEach()
  let node: GatewayProcess
  before(async () => {
    node = await startGatewayProcess()
  })
  after(() => node.stop())
  // Delays are 100 ms, and then 200 ms for the first 2 s.
  fixRandom(0.1)

  const open = (url: string, options: Partial<RecallClientOptions> = {}): RecallClient => {
    const credential = options.getToken === undefined ? { auth: { token: 'x' } } : {}
    const client = createRecallClient({ url, ...credential, ...options } as RecallClientOptions)
    client.on('error', noop)
    onCleanUp(() => client.close())
    return client
  }
  const becomes = (client: RecallClient, expected: Partial<State>): Promise<State> =>
    waitUntil(`it is ${JSON.stringify(expected)}, not ${JSON.stringify(client.state)}`, () => {
      const { state } = client
      return Object.entries(expected).every(([key, value]) => state[key as keyof State] === value) && state
    })
  const startFake = async () => {
    const gateway = await startFakeGateway()
    onCleanUp(gateway.stop)
    return gateway
  }
  const listen = async (server: Server): Promise<number> => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onCleanUp(() => {
      server.closeAllConnections()
      server.close()
    })
    return (server.address() as AddressInfo).port
  }
  const serve = (listener: RequestListener) => listen(createServer(listener))
  const answer =
    (status: number, type: string, body: string): RequestListener =>
    (_, response) =>
      void response.writeHead(status, { 'Content-Type': type }).end(body)

  it('names why it is offline, and when it tries again', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const { cert, key } = makeCertificate(folder.path, 'node')
    const tls = await listen(
      createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }) as unknown as Server,
    )
    const ssh = createTcpServer((socket) => socket.on('error', noop).end('SSH-2.0-OpenSSH_9.6\r\n')).listen(
      0,
      '127.0.0.1',
    )
    onCleanUp(() => ssh.close())
    await once(ssh, 'listening')
    const html = await serve(answer(200, 'text/html', '<title>Log in</title>'))
    const notFound = await serve(answer(404, 'text/plain', 'not found'))
    const full = JSON.stringify({ code: 'NODE_FULL', message: 'this node is full', retry: true })
    const local = 'http://127.0.0.1'
    const cases: [url: string, code: string, reason: string, isLasting: boolean][] = [
      [`${local}:${await freePort()}`, 'NO_ANSWER', 'ECONNREFUSED', false],
      ['http://gateway.invalid', 'NO_ANSWER', 'host name', false],
      [`https://127.0.0.1:${tls}`, 'TLS_FAILED', 'self-signed certificate', true],
      [`https://127.0.0.1:${html}`, 'TLS_FAILED', 'wrong version number', true],
      [`${local}:${(ssh.address() as AddressInfo).port}`, 'NOT_A_GATEWAY', 'does not speak HTTP', true],
      [`${local}:${html}`, 'WRONG_PATH', 'HTTP 200 with text/html', true],
      [`${local}:${notFound}/recall`, 'WRONG_PATH', 'HTTP 404', true],
      [
        `${local}:${await serve(answer(502, 'text/html', 'Bad gateway'))}`,
        'NODE_UNREACHABLE',
        'HTTP 502',
        false,
      ],
      [
        `${local}:${await serve(answer(503, 'application/json', full))}`,
        'NODE_FULL',
        'this node is full',
        false,
      ],
      [`${local}:${await serve(answer(200, 'application/json', '{}'))}`, 'NOT_A_GATEWAY', 'no gateway', true],
    ]
    await Promise.all(
      cases.map(async ([url, code, reason, isLasting]) => {
        const client = open(url)
        const errors = eventsOf(client, 'error')
        const state = await becomes(client, { kind: 'offline', code })
        expect(state.reason, url).to.include(reason)
        const retry = await waitUntil('the next attempt is planned', () => client.state.retryAtMs)
        expect(retry - Date.now(), url).to.be.at.most(31_000)
        expect(client.state.previous, url).to.equal('connecting')
        expect(
          errors.map(({ source }) => source),
          url,
        ).to.deep.equal(isLasting ? ['connection'] : [])
        client.close()
      }),
    )
  })

  it('says that WebSockets do not pass only once that is sure, and asks seldom', async () => {
    let asked = 0
    // Passes requests on, and drops every upgrade.
    const port = await serve((request, response) => {
      asked++
      void fetch(`${node.url}${request.url}`).then(async (answered) =>
        response
          .writeHead(answered.status, { 'Content-Type': 'application/json' })
          .end(await answered.text()),
      )
    })
    const client = open(`http://127.0.0.1:${port}`)
    const states = eventsOf(client, 'state')
    await becomes(client, { kind: 'offline', code: 'WEBSOCKET_BLOCKED' })
    const attempts = states.filter(({ retryAtMs }) => retryAtMs !== undefined).length
    // Each attempt itself is a request here, as the server does not know of upgrades.
    expect(asked - attempts).to.equal(1)
  })

  it('is refused by a gateway with its code, and is back by itself once there is room', async () => {
    const gateway = await startGatewayProcess({ MAX_SOCKETS_PER_ADDRESS: '1' })
    onCleanUp(gateway.stop)
    const first = open(gateway.url, { getToken: adminToken })
    await becomes(first, { kind: 'live' })
    const second = open(gateway.url, { getToken: adminToken })
    await becomes(second, { kind: 'offline', code: 'TOO_MANY_CONNECTIONS' })
    first.close()
    await becomes(second, { kind: 'live', previous: 'offline' })
    const { since, reason } = second.state
    expect([reason, since <= Date.now()]).to.deep.equal([undefined, true])
    const states = eventsOf(second, 'state')
    gateway.signal('SIGTERM')
    // It may try again at once.
    await waitUntil('it is told', () => states.some(({ code }) => code === '4000'))
    await becomes(second, { kind: 'offline', code: 'NO_ANSWER' })
  })

  it('is offline when nothing has arrived for as long as the node has said, on a line that nobody closed', async () => {
    const gateway = await startFake()
    gateway.io.on('connection', (socket) => socket.emit('hello', { expiresInMs: 600_000, silenceMs: 2_500 }))
    const proxy = await startTcpProxy(gateway.port)
    onCleanUp(proxy.stop)
    const client = open(`http://127.0.0.1:${proxy.port}`)
    client.subscribe(room, noop)
    await becomes(client, { kind: 'live' })
    const timer = setInterval(() => gateway.io.emit('delivery', { proved: true }), 100)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    clearInterval(timer)
    expect(client.state.kind).to.equal('live')
    const states = eventsOf(client, 'state')
    const swallowedAtMs = Date.now()
    proxy.swallow()
    await waitUntil('it is back', () => states.length > 0 && client.state.kind === 'live')
    expect(states[0]).to.include({ kind: 'offline', code: 'SILENT', reason: 'nothing has arrived for 2.5 s' })
    // Since nothing has arrived, not since that was noticed.
    expect(states[0]?.since).to.be.below(swallowedAtMs + 300)
  })

  it('is stale while the node is in doubt, for the room or the whole, until it is proved or another node answers', async () => {
    const gateway = await startFake()
    const client = open(gateway.url)
    const doubted = client.subscribe(room, noop)
    const other = client.subscribe({ group: 'h' }, noop)
    await becomes(client, { kind: 'live' })
    const kinds = () => [client.state, doubted.state, other.state].map(({ kind }) => kind)
    gateway.io.emit('delivery', { proved: false, doubtMs: 5_000, reason: 'no proof', rooms: [room] })
    const { since, reason } = await becomes(client, { kind: 'stale' })
    expect([Date.now() - since > 4_900, reason, kinds()]).to.deep.equal([
      true,
      'no proof',
      ['stale', 'stale', 'live'],
    ])
    gateway.io.emit('delivery', { proved: true, rooms: [room] })
    await becomes(client, { kind: 'live' })
    gateway.io.emit('delivery', { proved: false, doubtMs: 1_000, reason: 'no proof' })
    await becomes(client, { kind: 'stale' })
    expect(kinds()).to.deep.equal(['stale', 'stale', 'stale'])
    gateway.cut()
    await becomes(client, { kind: 'offline', code: 'CONNECTION_LOST' })
    await becomes(client, { kind: 'live' })
  })

  it('is not live after a doubt as long as a listener has to handle what came meanwhile', async () => {
    const gateway = await startFake()
    const client = open(gateway.url)
    let finish = noop
    let received = 0
    client.subscribe(room, () => {
      received++
      return new Promise<void>((resolve) => (finish = resolve))
    })
    await becomes(client, { kind: 'live' })
    gateway.io.emit('delivery', { proved: false, doubtMs: 5_000, reason: 'no proof' })
    gateway.publish(room)
    await waitUntil('it is received', () => received === 1)
    const states = eventsOf(client, 'state')
    gateway.io.emit('delivery', { proved: true })
    await waitUntil('the doubt is over', () => states.length > 0)
    finish()
    await becomes(client, { kind: 'live' })
    expect(states.map(({ kind }) => kind)).to.deep.equal(['catching-up', 'live'])
  })

  it('does not flap with single notices, and is not live if every room is refused', async () => {
    const gateway = await startFake()
    const client = open(gateway.url)
    client.subscribe(room, noop)
    await becomes(client, { kind: 'live' })
    const states = eventsOf(client, 'state')
    let received = 0
    client.subscribe(room, () => received++)
    for (let i = 1; i <= 20; i++) {
      gateway.publish(room)
      await waitUntil('it has arrived', () => received === i)
    }
    expect(states).to.be.empty

    const refused = open(node.url, { getToken: () => makeToken({ rooms: [room] }) })
    const foreign = refused.subscribe({ group: 'foreign' }, noop)
    await becomes(refused, { kind: 'refused', code: 'ROOM_REFUSED' })
    expect(foreign.state).to.include({ kind: 'refused', code: 'ROOM_REFUSED' })
    refused.subscribe(room, noop)
    await becomes(refused, { kind: 'live' })
  })

  it('is closed at last and for good, whatever is still under way or called in a listener', async () => {
    const gateway = await startFake()
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const open_ = async (act: (client: RecallClient) => unknown) => {
      const client = open(gateway.url, {
        getToken: async () => {
          await Promise.resolve()
          return adminToken()
        },
      })
      const subscription = client.subscribe(room, noop)
      const kinds = eventsOf(client, 'state')
      client.on('state', ({ kind }) => kind === 'closed' && client.close())
      await act(client)
      client.close()
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(kinds.map(({ kind }) => kind).filter((kind) => kind === 'closed')).to.have.length(1)
      expect(kinds.at(-1)?.kind).to.equal('closed')
      expect(subscription.state.kind).to.equal('closed')
      expect(() => client.subscribe(room, noop)).to.throw('closed')
      expect(() => client.connect()).to.throw('closed')
      const rejected = await client.isRecalled(room, 1).catch((error: unknown) => error)
      expect(rejected).to.include({ name: 'RequestRefused', code: 'CLOSED', retry: false })
    }
    await open_(noop)
    await open_((client) => client.connect())
    await open_((client) => becomes(client, { kind: 'live' }))
    await open_(async (client) => {
      await becomes(client, { kind: 'live' })
      client.on('state', () => client.close())
      gateway.cut()
      await becomes(client, { kind: 'closed' })
    })
    await open_(async (client) => {
      await becomes(client, { kind: 'live' })
      client.on('state', () => client.close())
      client.connect()
      await becomes(client, { kind: 'closed' })
      await waitUntil('it is gone', () => gateway.io.of('/').sockets.size === 0)
    })
    await waitUntil('its connections are gone', () => gateway.io.of('/').sockets.size === 0)
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    // Soon: what is left by mistake runs out at some time.
    await waitUntil('no timer is left', () => timers() <= before + 1, 2_000)
  })

  it('connects anew once for each call of connect, also in a listener of the state', async () => {
    const gateway = await startFake()
    let connections = 0
    gateway.io.on('connection', () => connections++)
    const client = open(gateway.url)
    client.subscribe(room, noop)
    let calls = 0
    client.on('state', ({ kind }) => {
      if (kind === 'offline' && calls++ === 0) client.connect()
    })
    await becomes(client, { kind: 'live' })
    gateway.cut()
    await waitUntil('it is back', () => connections === 2 && client.state.kind === 'live')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect([connections, gateway.io.of('/').sockets.size]).to.deep.equal([2, 1])
  })
})
