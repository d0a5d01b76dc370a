import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { expect } from 'chai'
import { Api } from 'tls-sig-api-v2'
import { signUserSig } from '../../server/auth/usersig.ts'
import { VERSION } from '../../shared/version.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { APP, JWT_SECRET, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { get } from '../support/http-api.ts'
import { openRaw } from '../support/raw-connection.ts'
import { readMetric } from '../support/read-metric.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { maskedFrame } from '../support/web-socket.ts'
import { openingHandshake } from '../support/web-socket-peer.ts'

const KEY = 'k'.repeat(64)
const userSigOf = (userId: string): string => new Api(Number(APP), KEY).genUserSig(userId, 600)

describe('handshake', () => {
  const onCleanUp = cleanUpAfterEach()
  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }
  const open = async ({ url }: GatewayProcess, auth: Readonly<Record<string, unknown>>) => {
    const client = await connect(url, undefined, { auth })
    onCleanUp(client.close)
    return client
  }
  const refusalOf = async (gateway: GatewayProcess, auth: Readonly<Record<string, unknown>>) =>
    open(gateway, auth).then(
      () => 'connected',
      (error: { data?: { code?: string } }) => error.data?.code,
    )

  it('accepts the UserSig of a user, which grants no rooms by itself, and of an admin', async () => {
    const gateway = await start({ JWT_SECRET: '', USERSIG_SECRET_KEY: KEY, ADMIN_USER_IDS: 'boss, chief' })
    const member = await open(gateway, { userId: 'user-1', userSig: userSigOf('user-1') })
    expect(await member.request({ group: 'g' })).to.include({ ok: false, code: 'ROOM_REFUSED' })
    expect(await member.request({ feed: true })).to.include({ ok: false, code: 'ROOM_REFUSED' })
    const admin = await open(gateway, { userId: 'chief', userSig: userSigOf('chief') })
    expect(await admin.request({ feed: true })).to.include({ ok: true })
  })

  it('says which version of the protocol it speaks, and refuses clients that are newer by more than one', async () => {
    const gateway = await start({})
    const token = await makeToken()
    for (const protocolVersion of [undefined, null, '', 1, VERSION, VERSION + 1])
      expect((await open(gateway, { token, protocolVersion })).hello()).to.include({
        protocolVersion: VERSION,
      })
    for (const protocolVersion of ['2', 0, false, -1, 1.5, [], { a: 1 }])
      expect(await refusalOf(gateway, { token, protocolVersion })).to.equal('REQUEST_MALFORMED')
    const refusal = await open(gateway, { token, protocolVersion: VERSION + 2 }).catch(
      (error: unknown) => error,
    )
    expect(refusal).to.deep.include({ data: { code: 'VERSION_UNSUPPORTED', retry: true } })
    expect(String(refusal)).to.include(`speaks ${VERSION + 2}`)
  })

  it('refuses a UserSig of another user, an expired one, and any without a configured key', async () => {
    const gateway = await start({ USERSIG_SECRET_KEY: KEY })
    const refused = [
      { userId: 'admin', userSig: userSigOf('user-1') },
      { userId: 'user-1\n', userSig: userSigOf('user-1\n') },
      { userId: ['user-1'], userSig: userSigOf('user-1') },
      { userSig: userSigOf('user-1') },
    ]
    for (const auth of refused) expect(await refusalOf(gateway, auth)).to.equal('TOKEN_REFUSED')
    const issued = { nowS: Math.floor(Date.now() / 1_000) - 20, lifetimeS: 10 }
    const userSig = signUserSig({ userId: 'user-1', app: APP, key: KEY, ...issued })
    expect(await refusalOf(gateway, { userId: 'user-1', userSig })).to.equal('TOKEN_EXPIRED')
    const other = await start({})
    expect(await refusalOf(other, { userId: 'user-1', userSig: userSigOf('user-1') })).to.equal(
      'TOKEN_REFUSED',
    )
    expect(gateway.output() + other.output()).to.not.include(userSigOf('user-1').slice(20, 60))
  })

  it('accepts tokens of both secrets during a rotation', async () => {
    const gateway = await start({ JWT_SECRET: `${'n'.repeat(32)},${JWT_SECRET}` })
    await open(gateway, { token: await adminToken() })
    await open(gateway, { token: await makeToken({ role: 'admin' }, 'n'.repeat(32)) })
  })

  it('hears what a client sends together with its request, although it should wait for the response', async () => {
    const { port } = await start({})
    const credential = JSON.stringify({ token: await adminToken() })
    const request = Buffer.concat([Buffer.from(openingHandshake()), maskedFrame(`40${credential}`)])
    // A whole frame, and one of which the end comes later.
    for (const cut of [request.length, request.length - 5]) {
      const connection = await openRaw(port)
      onCleanUp(connection.destroy)
      connection.send(request.subarray(0, cut))
      if (cut < request.length) await connection.until('"sid"')
      connection.send(request.subarray(cut))
      await connection.until('"hello"')
      connection.send(maskedFrame('421["subscribe",{"group":"g"}]'))
      await connection.until('431[{"ok":true')
    }
  })

  it('hears what a client sends while its request waits for its turn behind others', async () => {
    const { port, signal } = await start({})
    const credential = maskedFrame(`40${JSON.stringify({ token: await adminToken() })}`)
    const connections = await Promise.all(Array.from({ length: 400 }, () => openRaw(port)))
    for (const { destroy } of connections) onCleanUp(destroy)
    // It reads all requests in one turn of its event loop.
    signal('SIGSTOP')
    for (const { send } of connections) send(openingHandshake())
    signal('SIGCONT')
    await Promise.race(connections.map(({ until }) => until(' 101 ')))
    for (const { send } of connections) send(credential)
    for (const { until } of connections) await until('"hello"')
  })

  it('limits failed attempts per address', async () => {
    const gateway = await start({ TRUST_PROXY: 'loopback' })
    const from = async (address: string, token: string) =>
      connect(gateway.url, token, { extraHeaders: { 'X-Forwarded-For': address } }).then(
        ({ close }) => close(),
        (error: { data?: unknown }) => error.data,
      )
    for (let i = 0; i < 30; i++)
      expect(await from('192.0.2.1', 'nonsense')).to.deep.equal({ code: 'TOKEN_REFUSED', retry: false })
    const limited = { code: 'TOO_MANY_FAILURES', retry: true }
    expect(await from('192.0.2.1', 'nonsense')).to.deep.equal(limited)
    expect(await from('192.0.2.1', await adminToken())).to.deep.equal(limited)
    expect(await from('192.0.2.2', await adminToken())).to.equal(undefined)
  })

  describe('is refused over HTTP, with the reason, a line in the log, and a count', () => {
    const upgrade = (path: string, ...headers: string[]): string =>
      [
        `GET ${path} HTTP/1.1`,
        'Host: a',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
        '\r\n',
      ].join('\r\n')
    const PATH = '/socket.io/?EIO=4&transport=websocket'
    const openOf = async ({ port }: GatewayProcess, text: string) => {
      const { socket, received } = await openRaw(port)
      onCleanUp(() => socket.destroy())
      socket.write(text)
      await waitUntil('the response', () => received().includes('\r\n\r\n'))
      return received()
    }
    const expectRefusal = (response: string, status: number, refusal: object): void => {
      expect(response).to.match(new RegExp(`^HTTP/1.1 ${status} `))
      expect(JSON.parse(response.slice(response.indexOf('{')))).to.include(refusal)
      if ('retry' in refusal && refusal.retry === true) expect(response).to.match(/^retry-after: \d+\r$/im)
    }
    const refusals = async ({ url }: GatewayProcess, code: string): Promise<number> =>
      Number(
        new RegExp(`refusals_total{entrance="handshake",code="${code}"} (\\d+)`).exec(
          await (await fetch(`${url}/metrics`)).text(),
        )?.[1] ?? 0,
      )

    it('for its form', async () => {
      const gateway = await start({})
      const malformed = [
        upgrade('/socket.io/?EIO=3&transport=websocket'),
        upgrade('/socket.io/?transport=websocket'),
        upgrade('/socket.io/?EIO=4&transport=polling'),
        upgrade('/socket.io/x?EIO=4&transport=websocket'),
        upgrade(`${PATH}&sid=x`),
        upgrade(PATH).replace('Version: 13', 'Version: 7'),
        upgrade(PATH).replace('ZQ==', ''),
        upgrade(PATH).replace('HTTP/1.1', 'HTTP/1.0'),
        `GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`,
      ]
      for (const text of malformed)
        expectRefusal(await openOf(gateway, text), 400, { code: 'REQUEST_MALFORMED', retry: false })
      expect(await refusals(gateway, 'REQUEST_MALFORMED')).to.equal(malformed.length)
      expect(gateway.output())
        .to.include('handshake refused')
        .and.include('EIO must be 4')
        .and.include('Upgrade')
    })

    it('for the origin of its page, which can ask why', async () => {
      const gateway = await start({ CORS_ORIGINS: 'https://a.example' })
      const origin = 'Origin: https://b.example'
      const refusal = { code: 'ORIGIN_REFUSED', retry: false }
      expectRefusal(await openOf(gateway, upgrade(PATH, origin)), 403, refusal)
      const asked = await openOf(gateway, `GET ${PATH} HTTP/1.1\r\nHost: a\r\n${origin}\r\n\r\n`)
      expectRefusal(asked, 403, refusal)
      expect(asked).to.match(/^access-control-allow-origin: \*\r$/im)
      expect(await openOf(gateway, upgrade(PATH, 'Origin: https://a.example'))).to.include(' 101 ')
      expect(await refusals(gateway, 'ORIGIN_REFUSED')).to.equal(2)
    })

    it('by a full node, which still serves the API', async () => {
      const gateway = await start({ MAX_SOCKETS: '1' })
      const admin = await adminToken()
      await open(gateway, { token: admin })
      const refusal = { code: 'NODE_FULL', retry: true }
      expectRefusal(await openOf(gateway, upgrade(PATH)), 503, refusal)
      const stream = await get(gateway.url, '/v1/stream?group=g', admin)
      expect(stream).to.deep.include({ status: 503 })
      expect(stream.body).to.include(refusal)
      expect(stream.headers.get('retry-after')).to.not.equal(null)
      expect(await get(gateway.url, '/v1/position?group=g', admin)).to.include({ status: 200 })
      expect(await refusals(gateway, 'NODE_FULL')).to.equal(1)
      expect(await readMetric(gateway.url, 'sockets_turned_away_total')).to.equal(2)
    })

    it('beyond the sockets of an address, which are not the fault of the node', async () => {
      const gateway = await start({ MAX_SOCKETS_PER_ADDRESS: '1' })
      await open(gateway, { token: await adminToken() })
      const refusal = { code: 'TOO_MANY_CONNECTIONS', retry: true }
      expectRefusal(await openOf(gateway, upgrade(PATH)), 429, refusal)
    })

    it('by a node that is stopping, also if it began before', async () => {
      const gateway = await start({ DRAIN_MS: '30000' })
      const admin = await adminToken()
      const early = await openRaw(gateway.port)
      onCleanUp(() => early.socket.destroy())
      early.socket.write(upgrade(PATH))
      await waitUntil('it is opened', () => early.received().includes('pingInterval'))
      gateway.signal('SIGTERM')
      await waitUntil('it is stopping', async () => (await fetch(`${gateway.url}/readyz`)).status === 503)
      const refusal = { code: 'NODE_DRAINING', retry: true }
      expectRefusal(await openOf(gateway, upgrade(PATH)), 503, refusal)
      early.socket.write(maskedFrame(`40${JSON.stringify({ token: admin })}`))
      await waitUntil('it is refused', () => early.received().includes('NODE_DRAINING'))
      const stream = await get(gateway.url, '/v1/stream?group=g', admin)
      expect(stream.status).to.equal(503)
      expect(stream.body).to.include(refusal)
    })
  })

  it('times out after ten seconds', async () => {
    const gateway = await start({})
    const socket = connectTcp(gateway.port, '127.0.0.1')
    onCleanUp(() => socket.destroy())
    await once(socket, 'connect')
    const closed = once(socket, 'close')
    socket.resume()
    socket.write(
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n' +
        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await once(socket, 'data')
    // This peer does not answer a close frame, so the gateway must end the connection.
    await withTimeout('the gateway closes the connection', Promise.race([closed, once(socket, 'end')]))
    expect(gateway.output()).to.include('no accepted credential in 10 s')
  })
})
