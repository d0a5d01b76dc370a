import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { createRecallClient, memoryPositions, storedPositions } from '../../shared/client.ts'
import type {
  ConnectionOptions,
  GetTokenOption,
  RecallClient,
  RecallClientOptions,
  State,
} from '../../shared/client.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { eventsOf } from '../support/recall-client.ts'
import { startRedis } from '../support/redis-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'
import { seqsOf } from '../support/seqs.ts'

const room = { group: 'g' }
/** Has the form of a token, and the wrong signature. */
const forgedToken = (): Promise<string> => makeToken({ rooms: [] }, 'another secret, of 32 bytes or more')
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** Stands in for `sessionStorage`. */
const tabStorage = () => {
  const texts = new Map<string, string>()
  return {
    getItem: (key: string) => texts.get(key) ?? null,
    setItem: (key: string, text: string) => void texts.set(key, text),
  }
}

describe('the client', () => {
  const onCleanUp = cleanUpAfterEach()

  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }
  const startPair = async (ofFirst: Readonly<Record<string, string>> = {}) => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const settings = { REDIS_URL: redis.url }
    const nodes = [await start({ ...settings, ...ofFirst }), await start(settings)] as const
    return { redis, nodes }
  }
  const open = (options: RecallClientOptions): RecallClient => {
    const client = createRecallClient(options)
    onCleanUp(() => client.close())
    return client
  }
  const openAdmin = (
    url: string,
    options: Partial<ConnectionOptions & Pick<GetTokenOption, 'getToken'>> = {},
  ): RecallClient => open({ url, getToken: adminToken, ...options })
  const listen = (client: RecallClient, where: Parameters<RecallClient['subscribe']>[0] = room) => {
    const seqs: number[] = []
    const subscription = client.subscribe(where, ({ messages }) => {
      seqs.push(...seqsOf(messages))
    })
    return { seqs, subscription }
  }
  const isLive = (client: RecallClient) => waitUntil('it is live', () => client.state.kind === 'live', 25_000)
  const recall = async (url: string, seq: number, group = 'g') => {
    const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(url, { body })).status).to.equal(200)
  }
  const all = (seqs: readonly number[], count: number) =>
    waitUntil(`${count} notices have arrived`, () => seqs.length >= count)

  it('delivers each notice once to every listener, and none to a listener that has left', async () => {
    const { url } = await start()
    const client = openAdmin(url)
    const [first, second, feed] = [listen(client), listen(client), listen(client, { feed: true })]
    await isLive(client)
    await recall(url, 1)
    await all(feed.seqs, 1)
    await all(second.seqs, 1)
    first.subscription.leave()
    await recall(url, 2)
    await all(second.seqs, 2)
    await all(feed.seqs, 2)
    expect([first.seqs, second.seqs, feed.seqs]).to.deep.equal([[1], [1, 2], [1, 2]])
    second.subscription.leave()
    await waitUntil('the room is left', async () => (await readMetric(url, 'rooms')) <= 2)
    expect(second.subscription.position?.offset).to.equal(2)
  })

  it('delivers each notice once, in order, while its connection drops again and again', async () => {
    const { url, port } = await start()
    const proxy = await startTcpProxy(port)
    onCleanUp(proxy.stop)
    const client = openAdmin(`http://127.0.0.1:${proxy.port}`)
    const { seqs } = listen(client)
    const gaps = eventsOf(client, 'gap')
    // It may be back within milliseconds, before anybody has looked at its state.
    const states = eventsOf(client, 'state')
    const outages = () => states.filter(({ kind }) => kind === 'offline').length
    await isLive(client)
    let isSending = true
    const dropping = (async () => {
      for (let i = 0; isSending; i++) {
        await waitUntil('it is connected', () => client.state.kind !== 'offline')
        // Sometimes in the middle of a resume, sometimes while idle.
        await delay((i % 5) * 40)
        const before = outages()
        proxy.cut()
        await waitUntil('it has noticed', () => outages() > before)
      }
    })()
    for (const seq of upTo(250)) await recall(url, seq)
    isSending = false
    await dropping
    await all(seqs, 250)
    await isLive(client)
    expect(seqs).to.deep.equal(upTo(250))
    expect(gaps).to.be.empty
  })

  it('resumes at another node when its own is killed', async () => {
    // It has no disk: as long as one is gone on which recalls may be waiting, no client is live.
    const { redis, nodes } = await startPair({ ROLE: 'node' })
    const [first, second] = nodes
    const client = openAdmin(first.url)
    const { seqs } = listen(client)
    await isLive(client)
    await recall(second.url, 1)
    await all(seqs, 1)
    first.signal('SIGKILL')
    await waitUntil('it is offline', () => client.state.kind === 'offline')
    await recall(second.url, 2)
    const recovered = eventsOf(client, 'recovered')
    await start({ PORT: String(first.port), REDIS_URL: redis.url, ROLE: 'node' })
    await isLive(client)
    await recall(second.url, 3)
    await all(seqs, 3)
    expect(seqs).to.deep.equal([1, 2, 3])
    expect(recovered).to.deep.equal([{ room, count: 1 }])
  })

  it('misses and repeats nothing when it is reloaded while notices arrive', async () => {
    const { url } = await start()
    const storage = tabStorage()
    const before = openAdmin(url, { positions: storedPositions(storage) })
    const first = listen(before)
    await isLive(before)
    const sending = (async () => {
      for (const seq of upTo(200)) await recall(url, seq)
    })()
    await all(first.seqs, 50)
    before.close()
    const seen = first.seqs.length
    const after = openAdmin(url, { positions: storedPositions(storage) })
    const second = listen(after)
    await sending
    await all(second.seqs, 200 - seen)
    expect([...first.seqs, ...second.seqs]).to.deep.equal(upTo(200))
  })

  it('delivers a notice again to a listener that threw, and does not advance its position until then', async () => {
    const { url } = await start()
    const client = openAdmin(url)
    const errors = eventsOf(client, 'error')
    const seqs: number[] = []
    let isBroken = true
    const subscription = client.subscribe(room, async ({ messages: [message] }) => {
      if (message?.seq === 2 && isBroken) throw new Error('not now')
      seqs.push(message?.seq ?? 0)
    })
    await isLive(client)
    for (const seq of upTo(3)) await recall(url, seq)
    await waitUntil('it threw', () => errors.length > 0)
    expect(subscription.position?.offset).to.equal(1)
    expect(client.state.kind).to.equal('catching-up')
    isBroken = false
    await all(seqs, 3)
    expect(seqs).to.deep.equal([1, 2, 3])
    await isLive(client)
  })

  it('leaves a room whose listener is slow, and misses nothing', async () => {
    const { url } = await start({ HISTORY_SIZE: '10000' })
    const client = openAdmin(url)
    const seqs: number[] = []
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    client.subscribe(room, async ({ messages: [message] }) => {
      await released
      seqs.push(message?.seq ?? 0)
    })
    await isLive(client)
    for (let i = 0; i < 55; i++) await Promise.all(upTo(100).map((j) => recall(url, i * 100 + j)))
    await waitUntil('it has left the room', async () => (await readMetric(url, 'rooms')) === 0)
    release()
    await all(seqs, 5_500)
    expect(new Set(seqs).size).to.equal(5_500)
    await isLive(client)
  })

  it('reports a gap when notices are lost, and continues after it', async () => {
    const { redis, nodes } = await startPair()
    const [{ url }] = nodes
    const client = openAdmin(url)
    const { seqs } = listen(client)
    const gaps = eventsOf(client, 'gap')
    await isLive(client)
    await recall(url, 1)
    await all(seqs, 1)
    const operator = await createClient({ url: redis.url }).connect()
    onCleanUp(() => operator.destroy())
    await operator.flushAll()
    await recall(url, 2)
    await waitUntil('the gap is reported', () => gaps.length > 0)
    expect(gaps[0]).to.deep.include({ room, reason: 'epoch-changed' })
    await recall(url, 3)
    await waitUntil('the next notice is delivered', () => seqs.includes(3))
    await waitUntil('what was lost is delivered again', () => seqs.includes(2) && seqs.lastIndexOf(1) > 0)
  })

  it('reconnects after a token that could not be refreshed has expired, and reports why', async () => {
    const { url } = await start()
    let tokenRequests = 0
    const getToken = () => {
      if (++tokenRequests === 2) throw new Error('the backend is unavailable')
      return makeToken({ rooms: [room], ttlS: tokenRequests === 1 ? 5 : 600 })
    }
    const client = open({ url, getToken })
    const { seqs } = listen(client)
    const goodbyes = eventsOf(client, 'goodbye')
    const errors = eventsOf(client, 'error')
    await isLive(client)
    await waitUntil('the first has expired', () => goodbyes.length > 0)
    // Missed while disconnected, and recovered from the client's position.
    await recall(url, 1)
    await all(seqs, 1)
    expect(goodbyes.map(({ code }) => code)).to.deep.equal([4002])
    expect(errors.map(({ source, error }) => `${source}: ${String(error)}`)).to.deep.equal([
      'getToken: Error: the backend is unavailable',
    ])
  })

  it('backs off when each connection is dropped immediately', async () => {
    const port = await freePort()
    const gateway = new Server(createServer().listen(port, '127.0.0.1'))
    onCleanUp(() => gateway.close())
    let connections = 0
    gateway.on('connection', (socket) => {
      connections++
      socket.emit('goodbye', { code: 4001, reason: 'too slow' })
      socket.conn.close()
    })
    const { random } = Math
    onCleanUp(() => (Math.random = random))
    Math.random = () => 0.5
    openAdmin(`http://127.0.0.1:${port}`)
    await waitUntil('it has reconnected', () => connections > 1)
    await delay(3_000)
    // After 0.5 s, and then each second: no delay is longer while the outage has lasted less than two.
    expect(connections).to.be.below(6)
  })

  it('requests a token again when `getToken` throws', async () => {
    const { url } = await start()
    let tokenRequests = 0
    const getToken = async () => {
      if (++tokenRequests === 1) throw new Error('the backend is unavailable')
      return adminToken()
    }
    const client = open({ url, getToken })
    const errors = eventsOf(client, 'error')
    listen(client)
    await isLive(client)
    expect(errors.map(({ source, error }) => `${source}: ${String(error)}`)).to.deep.equal([
      'getToken: Error: the backend is unavailable',
    ])
  })

  it('tries one other token when one is invalid', async () => {
    const { url } = await start()
    for (const [good, end] of [
      [2, 'live'],
      [3, 'refused'],
    ] as const) {
      let tokenRequests = 0
      const getToken = async () => (++tokenRequests === good ? adminToken() : forgedToken())
      const client = open({ url, getToken })
      const states = eventsOf(client, 'state')
      await waitUntil(`it is ${end}`, () => client.state.kind === end)
      expect(states.map(({ kind }) => kind)).to.deep.equal([end])
      expect(tokenRequests).to.equal(2)
    }
  })

  it('does not reconnect when it is refused, until `connect` is called', async () => {
    const { url } = await start()
    let token = await forgedToken()
    const client = open({ url, getToken: () => token })
    const { seqs } = listen(client)
    await waitUntil('it is refused', () => client.state.kind === 'refused')
    expect(client.state).to.deep.include({ kind: 'refused', code: 'TOKEN_REFUSED' })
    token = await adminToken()
    client.connect()
    await isLive(client)
    await recall(url, 1)
    await all(seqs, 1)
    await postDisconnect(url, await adminToken(), { userId: 'admin-1' })
    await waitUntil('it is disconnected', () => client.state.kind === 'refused')
    expect(client.state).to.deep.include({ code: '4500' })
  })

  it('reports a room that is refused, and is live in the others', async () => {
    const { url } = await start()
    const client = open({ url, getToken: () => makeToken({ rooms: [room] }) })
    const refused = eventsOf(client, 'refused')
    const { seqs } = listen(client)
    const other = listen(client, { group: 'foreign' })
    await waitUntil('it is refused', () => refused.length > 0)
    expect(refused[0]).to.deep.include({ room: { group: 'foreign' }, code: 'ROOM_REFUSED', retry: false })
    expect(other.subscription.state).to.deep.include({ kind: 'refused', code: 'ROOM_REFUSED' })
    await isLive(client)
    await recall(url, 1)
    await recall(url, 2, 'foreign')
    await all(seqs, 1)
    expect(other.seqs).to.be.empty
  })

  it('follows a thousand rooms without exceeding the request limit', async () => {
    const { url } = await start()
    const client = openAdmin(url, { positions: memoryPositions() })
    const refused = eventsOf(client, 'refused')
    const seqs: number[] = []
    for (const i of upTo(1_000)) {
      client.subscribe({ group: `g-${i}` }, ({ messages }) => void seqs.push(messages.length))
    }
    await waitUntil('it is live', () => client.state.kind === 'live')
    await recall(url, 1, 'g-1000')
    await all(seqs, 1)
    expect(refused).to.be.empty
  })

  it('looks up which of any number of messages are recalled', async () => {
    const { url } = await start()
    const client = openAdmin(url)
    await isLive(client)
    await recall(url, 7)
    await recall(url, 2_500)
    expect(await client.isRecalled(room, 7)).to.equal(true)
    expect(await client.isRecalled(room, 8)).to.equal(false)
    const found = await client.recalled(room, upTo(3_000))
    expect(found.map(({ seq }) => seq)).to.deep.equal([7, 2_500])
    const wrong = await client.recalled(room, [0]).catch((error: unknown) => error)
    expect(wrong).to.include({ name: 'RequestRefused', code: 'REQUEST_MALFORMED', retry: false })
  })

  it('treats an unknown goodbye by its range', async () => {
    const port = await freePort()
    const http = createServer().listen(port, '127.0.0.1')
    const gateway = new Server(http)
    onCleanUp(() => gateway.close())
    const codes = [4321, 4777]
    let connections = 0
    gateway.on('connection', (socket) => {
      connections++
      socket.emit('goodbye', { code: codes.shift(), reason: 'a later version knows', retryInMs: 10 })
      socket.conn.close()
    })
    const client = openAdmin(`http://127.0.0.1:${port}`)
    const states: State[] = eventsOf(client, 'state')
    await waitUntil('it is refused', () => client.state.kind === 'refused')
    expect(client.state).to.deep.include({ code: '4777' })
    expect(connections).to.equal(2)
    expect(states.map(({ kind }) => kind)).to.include('offline')
  })
})
