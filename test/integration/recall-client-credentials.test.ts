import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import type { RecallClient } from '../../shared/client.ts'
import { makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startFakeGateway } from '../support/fake-gateway.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf, isLive } from '../support/recall-client.ts'
import { waitUntil } from '../support/wait.ts'

const room = { group: 'g' }

describe('the credentials of a client', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  before(async () => {
    gateway = await startGatewayProcess()
  })
  after(() => gateway.stop())
  fixRandom(0)

  const open = (getToken: () => unknown, url = gateway.url): RecallClient => {
    const client = createRecallClient({ url, getToken: getToken as () => Promise<string> })
    onCleanUp(() => client.close())
    client.subscribe(room, () => undefined)
    return client
  }

  it('are asked for again when they are none, and nothing of them is told', async () => {
    const rubbish = ['', undefined, '<!doctype html>s3cret', 'Bearer s3cret', { token: 's3cret' }, 1n]
    const answers = [...rubbish]
    const client = open(() => (answers.length > 0 ? answers.shift() : makeToken({ rooms: [room] })))
    const errors = eventsOf(client, 'error')
    const states = eventsOf(client, 'state')
    await isLive(client)
    expect(errors.map(({ source, attempt }) => `${source} ${attempt}`)).to.deep.equal(
      rubbish.map((_, i) => `getToken ${i + 1}`),
    )
    expect(errors.every(({ retryInMs }) => (retryInMs ?? -1) >= 0)).to.equal(true)
    expect(states[0]).to.include({ kind: 'offline', code: 'NO_CREDENTIAL' })
    expect(errors.map(({ error }) => String(error)).join() + JSON.stringify(states)).to.not.include('s3cret')
  })

  it('are asked for again, and that is told, when what was thrown is undefined', async () => {
    let asked = 0
    const nothing: unknown = undefined
    const client = open(() => (asked++ === 0 ? Promise.reject(nothing) : makeToken({ rooms: [room] })))
    const errors = eventsOf(client, 'error')
    await isLive(client)
    expect(errors.map(({ source, error }) => `${source}: ${String(error)}`)).to.deep.equal([
      'getToken: TypeError: `getToken` or `auth` failed',
    ])
  })

  it('that a cache returns once more after they were refused are final', async () => {
    const forged = await makeToken({}, 'another secret, of 32 bytes or more')
    let asked = 0
    const client = open(() => (asked++, forged))
    await waitUntil('it is refused', () => client.state.kind === 'refused')
    expect([client.state.code, asked]).to.deep.equal(['TOKEN_REFUSED', 2])
  })

  it('that have expired are asked for again, at once and then with a backoff, until one is good', async () => {
    const ended = await makeToken({ ttlS: -1 })
    const answers = [ended, await makeToken({ ttlS: -2 }), ended, ended]
    let asked = 0
    const client = open(() => answers[asked++] ?? makeToken({ rooms: [room] }))
    const [errors, states] = [eventsOf(client, 'error'), eventsOf(client, 'state')]
    await isLive(client)
    expect([asked, errors.map(({ source, attempt }) => `${source} ${attempt}`)]).to.deep.equal([
      5,
      ['getToken 1', 'getToken 2', 'getToken 3'],
    ])
    expect(states[0]).to.include({ kind: 'offline', code: 'TOKEN_EXPIRED' })
    expect(states[0]?.reason).to.match(/^the credential has expired: \d+ s ago/)
    expect(new Set(states.map(({ kind }) => kind))).to.deep.equal(new Set(['offline', 'catching-up', 'live']))
  })

  it('that a cache returns once more after they have expired are not sent at once, and are not final', async () => {
    const ended = await makeToken({ ttlS: -1 })
    let asked = 0
    const client = open(() => (++asked <= 2 ? ended : makeToken({ rooms: [room] })))
    const [errors, states] = [eventsOf(client, 'error'), eventsOf(client, 'state')]
    await isLive(client)
    expect([asked, errors.length, states[0]?.code]).to.deep.equal([3, 1, 'TOKEN_EXPIRED'])
  })

  it('are final once they have expired, if they are fixed', async () => {
    const client = createRecallClient({ url: gateway.url, auth: { token: await makeToken({ ttlS: -1 }) } })
    onCleanUp(() => client.close())
    const states = eventsOf(client, 'state')
    await waitUntil('it is refused', () => client.state.kind === 'refused')
    expect(states.map(({ kind, code }) => `${kind} ${code}`)).to.deep.equal(['refused TOKEN_EXPIRED'])
  })

  it('are refreshed in time, without a reconnect, by a device whose clock is wrong', async () => {
    const { now } = Date
    const asked: string[] = []
    // By the clock of the backend.
    const getToken = async () => {
      const wrong = Date.now
      Date.now = now
      const token = makeToken({ rooms: [room], ttlS: asked.length === 0 ? 10 : 600 })
      // The time is in it already.
      Date.now = wrong
      asked.push(await token)
      return token
    }
    Date.now = () => now() + 3_600_000
    onCleanUp(() => (Date.now = now))
    const client = open(getToken)
    await isLive(client)
    const states = eventsOf(client, 'state')
    await waitUntil('it has asked again', () => asked.length === 2)
    Date.now = now
    const [, exp = 0] =
      /"exp":(\d+)/.exec(Buffer.from(asked[0]?.split('.')[1] ?? '', 'base64url').toString()) ?? []
    await waitUntil('the first has expired', () => Date.now() > Number(exp) * 1_000 + 200)
    expect([states, asked.length]).to.deep.equal([[], 2])
  })

  it('of another user are told, and used on a connection of their own', async () => {
    let asked = 0
    const client = open(() =>
      ++asked === 1 ? makeToken({ rooms: [room], ttlS: 10 }) : makeToken({ sub: 'user-2', rooms: [] }),
    )
    const errors = eventsOf(client, 'error')
    const goodbyes = eventsOf(client, 'goodbye')
    await isLive(client)
    await waitUntil('it has the rights of the other', () => client.state.kind === 'refused')
    expect(client.state.code).to.equal('ROOM_REFUSED')
    expect(errors.map(({ source, error }) => `${source}: ${String(error)}`).join()).to.include('another user')
    expect([asked, goodbyes]).to.deep.equal([2, []])
  })

  it('that were asked for on one connection are never sent on the next', async () => {
    const fake = await startFakeGateway()
    onCleanUp(fake.stop)
    const used: unknown[] = []
    const nameOf = (auth: unknown): unknown => {
      const { token } = auth as { readonly token: string }
      return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { iat: number })
        .iat
    }
    fake.io.on('connection', (socket) => {
      used.push(nameOf(socket.handshake.auth))
      socket.on('refresh', (auth, ack) => {
        used.push(nameOf(auth))
        ack({ ok: true, expiresAtMs: Date.now() + 600_000, expiresInMs: 600_000 })
      })
      socket.emit('hello', { expiresInMs: 1_500, silenceMs: 60_000 })
    })
    const token = (iat: number): string =>
      `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(JSON.stringify({ iat, sub: 'u' })).toString('base64url')}.s`
    const waiting: ((text: string) => void)[] = []
    let asked = 0
    const client = open(
      () => (++asked === 2 ? new Promise((resolve) => waiting.push(resolve)) : token(asked)),
      fake.url,
    )
    await isLive(client)
    await waitUntil('it asks for a new one', () => waiting.length === 1)
    fake.cut()
    await waitUntil('it is back', () => used.length === 2 && client.state.kind === 'live')
    waiting[0]?.(token(2))
    await waitUntil('it refreshes that connection', () => used.length === 3)
    expect(used).to.deep.equal([1, 3, 4])
  })
})
