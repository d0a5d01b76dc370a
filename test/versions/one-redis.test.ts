import { expect } from 'chai'
import { pino } from 'pino'
import { io } from 'socket.io-client'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { createRecallClient } from '../../shared/client.ts'
import type { Goodbye } from '../../shared/protocol.ts'
import { audit } from '../chaos/audit.ts'
import { startListener } from '../chaos/listener.ts'
import { Recorder } from '../chaos/recorder.ts'
import { createSender } from '../chaos/sender.ts'
import { expectChain, storedEntries } from '../support/chain.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { freePort } from '../support/free-port.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { recorder as recordSeqs } from '../support/recall-client.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'
import { describeBesideLastRelease } from './beside-last-release.ts'
import type { Version } from './beside-last-release.ts'

const log = pino({ level: 'silent' })
const GROUPS = ['one', 'two']
const SIGNING_KEY = 'a-signing-key-of-at-least-32-characters'
/** Recalls per second. */
const RATE = 150
/** Generous, because several gateways start at the same time on busy machines. */
const ARRIVAL_TIMEOUT_MS = 30_000

describeBesideLastRelease('this version and the last release on one Redis', (mainOf, loadClient) => {
  const onCleanUp = cleanUpAfterEach()

  /** Two places where a gateway runs, receiver and node, each of either version. */
  async function startGateways(onEnd: typeof onCleanUp, ...versions: readonly [Version, Version]) {
    const redis = await startRedis()
    onEnd(redis.stop)
    const settings = { REDIS_URL: redis.url, REDIS_SIGNING_KEY: SIGNING_KEY }
    const ports = await Promise.all([freePort(), freePort()])
    const start = (place: 0 | 1, version: Version): Promise<GatewayProcess> =>
      startGatewayProcess({ ...settings, PORT: String(ports[place]) }, ['start'], mainOf(version))
    const running = await Promise.all(versions.map((version, place) => start(place as 0 | 1, version)))
    onEnd(() => Promise.all(running.map((gateway) => gateway.stop())))
    return {
      redis,
      urls: ports.map((port) => `http://127.0.0.1:${port}`),
      /** Stops the gateway in one place as an update does, and starts the given version there. */
      async replace(place: 0 | 1, version: Version): Promise<void> {
        running[place]?.signal('SIGTERM')
        await running[place]?.exited
        await running[place]?.stop()
        running[place] = await start(place, version)
      },
    }
  }

  it('lose nothing and double nothing in a rolling update, and on the way back', async () => {
    const { urls, replace } = await startGateways(onCleanUp, 'last', 'last')
    const recorder = new Recorder()
    const token = await adminToken()
    for (const room of [
      { feed: true } as const,
      ...GROUPS.map((group) => ({ group })),
      { feed: true } as const,
    ]) {
      const listener = await startListener({ urls, room, token, record: recorder.addListener(room) })
      onCleanUp(listener.close)
    }
    const lastClient = await loadClient()
    const clients = [createRecallClient, lastClient].flatMap((create) =>
      urls.map((url) => create({ url, getToken: () => token })),
    )
    const followed = clients.map((client) => {
      onCleanUp(() => client.close())
      const seen = recordSeqs()
      client.subscribe({ feed: true }, seen.listener)
      return seen.seqs
    })
    await waitUntil('all clients are live', () => clients.every(({ state }) => kindOf(state) === 'live'))

    const sender = createSender({ urls, groups: GROUPS, recorder })
    const traffic = sender.start(RATE)
    const sent = (count: number): Promise<unknown> => {
      const until = recorder.recalls.length + count
      return waitUntil(`${count} recalls are sent`, () => recorder.recalls.length >= until)
    }
    await sent(50)
    for (const [place, version] of STEPS) {
      await replace(place, version)
      await sent(100)
    }
    await traffic.stop()
    // Instead of waiting for their backoff.
    for (const client of clients) if (kindOf(client.state) === 'offline') client.connect()
    const keptOnes = () => recorder.recalls.filter(({ status }) => status === 200)
    const hasArrived = (): boolean => {
      const kept = keptOnes()
      const { lost } = audit(recorder.recalls, recorder.listeners)
      return lost === 0 && followed.every((seqs) => kept.every(({ seq }) => seqs.includes(seq)))
    }
    await waitUntil('everything has arrived', hasArrived, ARRIVAL_TIMEOUT_MS).catch(() => undefined)
    // What was told twice came before these.
    for (const group of GROUPS) expect(await sender.send(group)).to.equal(true)
    await waitUntil('the last ones have arrived', hasArrived, ARRIVAL_TIMEOUT_MS).catch(() => undefined)
    const kept = keptOnes()
    expect(kept.length).to.be.greaterThan(400)

    const { lost, duplicated, redelivered, outOfOrder, gaps } = audit(recorder.recalls, recorder.listeners)
    expect({ lost, duplicated, redelivered, outOfOrder, gaps }).to.deep.equal({
      lost: 0,
      duplicated: 0,
      redelivered: 0,
      outOfOrder: 0,
      gaps: 0,
    })
    for (const [i, seqs] of followed.entries()) {
      expect(seqs, `client ${i}`).to.have.lengthOf(new Set(seqs).size)
      expect(seqs, `client ${i}`).to.include.members(kept.map(({ seq }) => seq))
      expect(seqs, `client ${i}`).to.deep.equal(followed[0])
    }
    for (const group of GROUPS) {
      const seqs = kept.filter((recall) => recall.group === group).map(({ seq }) => seq)
      for (const client of clients) {
        const recalled = await client.recalled({ group }, seqs)
        expect(recalled.map(({ seq }) => seq)).to.deep.equal(seqs)
      }
    }
  })

  describe('side by side', () => {
    const ends: (() => unknown)[] = []
    let gateways: Awaited<ReturnType<typeof startGateways>>

    before(async () => {
      gateways = await startGateways((end) => void ends.push(end), 'this', 'last')
    })
    after(async () => {
      for (const end of ends.toReversed()) await end()
    })

    it('recognize the repeats that the other has stored, also in part', async () => {
      const room = { group: 'one', topic: 'a' }
      const recorders = await Promise.all(
        gateways.urls.map(async (url) => {
          const recorder = new Recorder()
          const record = recorder.addListener(room)
          const listener = await startListener({ urls: [url], room, token: await adminToken(), record })
          onCleanUp(listener.close)
          return recorder
        }),
      )
      const post = async (place: 0 | 1, ...seqs: readonly number[]): Promise<void> => {
        const MsgSeqList = seqs.map((MsgSeq) => ({ MsgSeq }))
        const body = recallBody({ GroupId: room.group, TopicId: room.topic, MsgSeqList })
        expect((await postWebhook(gateways.urls[place] ?? '', { body })).status).to.equal(200)
      }
      await post(0, 1, 2)
      await post(1, 2, 3)
      await post(0, 3, 4, 1)
      await post(1, 4)
      await post(1, 5)
      for (const { listeners } of recorders) {
        const told = () =>
          listeners[0]?.events.flatMap((event) => (event.kind === 'notice' ? [event.seqs] : []))
        await waitUntil('the last one arrives', () => told()?.flat().includes(5))
        expect(told()).to.deep.equal([[1, 2], [3], [4], [5]])
      }
    })

    it('leave no doubt where the chain of links begins again: after each entry of the last release', async () => {
      const room = { group: 'linked' }
      for (const [i, place] of [0, 0, 1, 0, 0].entries()) {
        const body = recallBody({ GroupId: room.group, MsgSeqList: [{ MsgSeq: i + 1 }] })
        expect((await postWebhook(gateways.urls[place] ?? '', { body })).status).to.equal(200)
      }
      const { url } = gateways.redis
      const options = { url, prefix: 'recall-gateway', app: APP, signingKeys: [SIGNING_KEY] }
      const broker = createRedisBroker({ ...options, historySize: 10, historyTtlS: 60 }, { log })
      onCleanUp(() => broker.stop())
      await broker.start()
      const entries = await storedEntries(broker, room)
      expect(entries.map(({ link }) => link !== undefined)).to.deep.equal([true, true, false, true, true])
      expect(expectChain(entries.filter(({ link }) => link))).to.deep.equal([1, 4])
    })

    it('disconnect a user everywhere, whichever of them is asked', async () => {
      for (const [place, url] of gateways.urls.entries()) {
        const token = await makeToken({ sub: `user-${place}`, rooms: [{ group: 'one' }] })
        const codes: number[][] = []
        for (const node of gateways.urls) {
          const socket = io(node, {
            transports: ['websocket'],
            forceNew: true,
            reconnection: false,
            auth: { token },
          })
          onCleanUp(() => socket.close())
          const goodbyes: number[] = []
          codes.push(goodbyes)
          socket.on('goodbye', ({ code }: Goodbye) => goodbyes.push(code))
          await waitUntil('it connects', () => socket.connected)
        }
        expect(await postDisconnect(url, await adminToken(), { userId: `user-${place}` })).to.include({
          status: 200,
        })
        await waitUntil('both are disconnected', () => codes.every((goodbyes) => goodbyes.length > 0))
        expect(codes).to.deep.equal([[4500], [4500]])
      }
    })

    it('prove delivery again after Redis has been away, although receivers of the last release report seldom and say no goodbye', async () => {
      const client = await connect(gateways.urls[0] ?? '', await adminToken())
      onCleanUp(client.close)
      await client.subscribe({ feed: true })
      gateways.redis.signal('SIGSTOP')
      await waitUntil('delivery is in doubt', () => client.deliveries.at(-1)?.proved === false)
      gateways.redis.signal('SIGCONT')
      await waitUntil('delivery is proved', () => client.deliveries.at(-1)?.proved === true)
    })
  })
})

/** From the last release in both places to this version, and back. */
const STEPS = [
  [0, 'this'],
  [1, 'this'],
  [0, 'last'],
  [1, 'last'],
] as const

/** The last release had a text instead of an object. */
const kindOf = (state: string | { readonly kind: string }): string =>
  typeof state === 'string' ? state : state.kind
