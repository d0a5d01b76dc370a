import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { expect } from 'chai'
import { Api } from 'tls-sig-api-v2'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { APP, JWT_SECRET, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout } from '../support/wait.ts'

const KEY = 'k'.repeat(64)
const userSigOf = (userId: string, ttlS = 600): string => new Api(Number(APP), KEY).genUserSig(userId, ttlS)

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

  it('refuses a UserSig of another user, an expired one, and any without a configured key', async () => {
    const gateway = await start({ USERSIG_SECRET_KEY: KEY })
    const refused = [
      { userId: 'admin', userSig: userSigOf('user-1') },
      { userId: 'user-1', userSig: userSigOf('user-1', -1) },
      { userId: 'user-1\n', userSig: userSigOf('user-1\n') },
      { userId: ['user-1'], userSig: userSigOf('user-1') },
      { userSig: userSigOf('user-1') },
    ]
    for (const auth of refused) expect(await refusalOf(gateway, auth)).to.equal('TOKEN_REFUSED')
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
    await withTimeout(
      'the gateway closes the connection',
      Promise.race([closed, once(socket, 'end')]),
      18_000,
    )
  })
})
