import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createClient } from 'redis'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { openStream } from '../support/http-api.ts'
import { watchProcessorWaits } from '../support/processor-waits.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { runSideBySide } from '../support/side-by-side.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** A client must not call itself live for longer, when a notice that was stored does not arrive. */
const DOUBT_MS = 3_000
const CURE_MS = 30_000
/** When a receiver that does not report is certainly taken for gone. */
const GONE_MS = 4_000
/** A node that stands still for so long does not trust what it knows at first. */
const STALL_MS = 1_200

type OnCleanUp = (cleanUp: () => unknown) => void

/** What scenarios share: processes, and clients that know what they were told of delivery. */
function createStage(onCleanUp: OnCleanUp) {
  const pids: number[] = []
  const waits = watchProcessorWaits(() => pids)
  onCleanUp(waits.stop)
  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const started = await startGatewayProcess(settings)
    onCleanUp(started.stop)
    pids.push(started.pid)
    return started
  }
  const startServer = async (options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> => {
    const redis = await startRedis(options)
    onCleanUp(redis.stop)
    return redis
  }
  const startProxy = async (redis: RedisServer) => {
    const proxy = await startTcpProxy(redis.port)
    onCleanUp(proxy.stop)
    return { ...proxy, url: `redis://127.0.0.1:${proxy.port}` }
  }
  /** Returns a function that gives a user of Redis all rights, but for these. */
  const startAdmin = async (redis: RedisServer, user: string) => {
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())
    const send = (...command: string[]) => admin.sendCommand(command)
    const allow = (...rights: string[]) =>
      send('ACL', 'SETUSER', user, 'on', '>password', 'resetkeys', '~*', '&*', '+@all', ...rights)
    await allow()
    return { send, allow, url: redis.url.replace('//', `//${user}:password@`) }
  }
  const folder = (): string => {
    const { path, remove } = temporaryFolder()
    onCleanUp(remove)
    return path
  }
  const subscribe = async (to: GatewayProcess, group = 'g'): Promise<Client> => {
    const client = await connect(to.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group })
    return client
  }
  const stream = async (from: GatewayProcess) => {
    const opened = await openStream(from.url, 'group=g', await adminToken())
    onCleanUp(opened.close)
    await opened.first('subscribed')
    return opened
  }
  const recall = async (to: GatewayProcess, seq: number): Promise<void> => {
    const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(to.url, { body })).status).to.equal(200)
  }
  /** Starts a node on its own way to Redis, a receiver, and a client that has received the first notice. */
  const setUp = async (redis: RedisServer, nodeUrl = redis.url) => {
    const [receiver, node] = await Promise.all([
      start({ ROLE: 'receiver', REDIS_URL: redis.url }),
      start({ ROLE: 'node', REDIS_URL: nodeUrl }),
    ])
    const client = await subscribe(node)
    await recall(receiver, 1)
    await client.count(1)
    await settle(client)
    return { receiver, node, client }
  }
  /** Resolves once a client is told of a doubt, which must be within 3 s of `sinceMs`, and to what it was told. */
  const doubt = async (client: Client, sinceMs: number) => {
    await waitUntil('delivery is in doubt', () => isInDoubt(client))
    const told = client.deliveries.at(-1)
    if (told?.proved !== false) throw new Error('not in doubt')
    expect(told.atMs - sinceMs - waits.between(sinceMs, told.atMs)).to.be.below(DOUBT_MS)
    return told
  }
  return { start, startServer, startProxy, startAdmin, folder, subscribe, stream, recall, setUp, doubt }
}

const isInDoubt = ({ deliveries }: Client): boolean => deliveries.at(-1)?.proved === false

/** Resolves once nothing is in doubt, and forgets what was: on a busy machine, a report comes late by itself. */
async function settle(client: Client): Promise<void> {
  await waitUntil('delivery is proved', () => !isInDoubt(client), CURE_MS)
  client.deliveries.length = 0
}

/** Resolves once delivery is proved again. All these notices must have come before that is told. */
async function proof(client: Client, notices: number): Promise<void> {
  await waitUntil('delivery is proved again', () => !isInDoubt(client), CURE_MS)
  expect(client.deliveries.at(-1)).to.deep.include({ proved: true, notices })
  expect(client.deliveries.at(-1)).to.not.have.property('rooms')
}

describe('sockets are told how delivery is', () => {
  runSideBySide({
    async 'while recalls are waiting on the disk of a receiver, also of one that is gone'(onCleanUp) {
      const { start, startServer, startAdmin, folder, recall, setUp, doubt } = createStage(onCleanUp)
      const redis = await startServer()
      const { allow, url } = await startAdmin(redis, 'receiver')
      const { client } = await setUp(redis)
      const settings = { ROLE: 'receiver', REDIS_URL: url, DATA_DIR: folder() }
      const receiver = await start(settings)
      await allow('-xadd')
      const keptAtMs = performance.now()
      await recall(receiver, 2)
      expect((await doubt(client, keptAtMs)).reason).to.match(/disk of a receiver$/)
      receiver.signal('SIGKILL')
      await receiver.exited
      const killedAtMs = performance.now()
      await allow()
      const told = client.deliveries.length
      await waitUntil('it is gone', () => performance.now() - killedAtMs > GONE_MS)
      expect(client.deliveries.slice(told - 1).some(({ proved }) => proved)).to.equal(false)
      await start(settings)
      await proof(client, 2)
    },

    async 'while a receiver is cut off alone, and not when one is stopped'(onCleanUp) {
      const { start, startServer, startProxy, recall, setUp, doubt } = createStage(onCleanUp)
      const redis = await startServer()
      const proxy = await startProxy(redis)
      const { receiver: stopping, client } = await setUp(redis)
      const receiver = await start({ ROLE: 'receiver', REDIS_URL: proxy.url })
      await recall(receiver, 2)
      stopping.signal('SIGTERM')
      await stopping.exited
      const stoppedAtMs = performance.now()
      await waitUntil('it is gone', () => performance.now() - stoppedAtMs > GONE_MS)
      // One that was killed would be missed for longer than this takes.
      await settle(client)
      await proxy.setNewcomers('refuse')
      proxy.cut('RST')
      await recall(receiver, 3)
      await doubt(client, performance.now())
      await proxy.setNewcomers('forward')
      await proof(client, 3)
    },

    async 'while a receiver is cut off, also if their node stands still again and again'(onCleanUp) {
      const { start, startServer, startProxy, recall, setUp } = createStage(onCleanUp)
      const redis = await startServer()
      const proxy = await startProxy(redis)
      const { node, client } = await setUp(redis)
      const receiver = await start({ ROLE: 'receiver', REDIS_URL: proxy.url })
      await recall(receiver, 2)
      await client.count(2)
      await settle(client)
      await proxy.setNewcomers('refuse')
      proxy.cut('RST')
      await recall(receiver, 3)
      for (let stall = 0; stall < 6 && !isInDoubt(client); stall++) {
        node.signal('SIGSTOP')
        await delay(STALL_MS)
        node.signal('SIGCONT')
        await delay(STALL_MS / 2)
      }
      expect(isInDoubt(client)).to.equal(true)
      await proxy.setNewcomers('forward')
      await proof(client, 3)
    },

    async 'while Redis is frozen, those that come late and streams too'(onCleanUp) {
      const { startServer, subscribe, stream, recall, setUp, doubt } = createStage(onCleanUp)
      const redis = await startServer()
      const { receiver, node, client } = await setUp(redis)
      const early = await stream(node)
      redis.signal('SIGSTOP')
      const frozenAtMs = performance.now()
      await recall(receiver, 2)
      const told = await doubt(client, frozenAtMs)
      // Both are due at the same time, and a busy machine may see the second one first.
      const frozen = /^(it is not proved|what receivers report of their disks cannot be read)/
      expect(told.reason).to.match(frozen)
      expect(told.doubtMs).to.be.above(1_500)
      expect((await early.first('delivery')).data).to.include({ proved: false })
      expect(await readMetric(node.url, 'delivery_in_doubt')).to.equal(1)
      const late = await subscribe(node)
      const [first] = late.deliveries
      expect(first?.proved === false && first.reason).to.match(frozen)
      const lateStream = await stream(node)
      await lateStream.first('delivery')
      expect(lateStream.events.map(({ event }) => event)).to.deep.equal(['subscribed', 'delivery'])
      redis.signal('SIGCONT')
      await proof(client, 2)
      for (const { named, events } of [early, lateStream]) {
        const isProved = () => named('delivery').at(-1)?.data['proved'] === true
        await waitUntil('streams are told', isProved)
        const names = events.map(({ event }) => event)
        expect(names).to.include('messages-recalled')
        expect(names.lastIndexOf('delivery')).to.be.above(names.indexOf('messages-recalled')).above(1)
      }
      const isOver = async () => (await readMetric(node.url, 'delivery_in_doubt')) === 0
      await waitUntil('it is over', isOver)
      expect(node.output()).to.match(/"reason":"[^"]+","doubtMs":\d+,.*"delivery in doubt"/)
      expect(node.output()).to.match(/"durationMs":\d+,.*"delivery proved again"/)
    },

    async 'while rooms cannot read what they missed, whether all of them or one'(onCleanUp) {
      const { startServer, startAdmin, subscribe, recall, setUp, doubt } = createStage(onCleanUp)
      const redis = await startServer()
      const { send, allow, url } = await startAdmin(redis, 'node')
      const allowLogs = (log: string) => allow('resetkeys', '~*}:[^l]*', `~*}:log:${log}`)
      const { receiver, node, client } = await setUp(redis, url)
      const other = await subscribe(node, 'h')
      await allowLogs('none')
      const interruptedAtMs = performance.now()
      await send('CLIENT', 'KILL', 'USER', 'node', 'TYPE', 'pubsub')
      await doubt(client, interruptedAtMs)
      // A busy node may be in doubt already while it connects anew.
      await waitUntil('the reason is told', () => {
        const told = client.deliveries.at(-1)
        return told?.proved === false && told.reason.endsWith('reading what it may have missed')
      })
      await doubt(other, interruptedAtMs)
      // From here on, one room alone cannot read: the node as a whole is proved, the room is not.
      await allowLogs('*h')
      await waitUntil('the node is proved', () => !isInDoubt(other), CURE_MS)
      const ofRoom = ({ deliveries }: Client) => deliveries.filter(({ rooms }) => rooms !== undefined)
      const rooms = [{ group: 'g' }]
      const room = await waitUntil('it is told of the room', () => ofRoom(client)[0])
      expect(room).to.deep.include({ proved: false, rooms })
      await waitUntil('it is told of the node', () => !isInDoubt(client))
      expect(client.deliveries.at(-1)).to.not.have.property('rooms')
      const late = await subscribe(node)
      expect(await waitUntil('one that subscribes is told', () => ofRoom(late)[0])).to.deep.include({
        proved: false,
        rooms,
      })
      await recall(receiver, 2)
      await allow()
      const isProved = (one: Client) => ofRoom(one).find(({ proved }) => proved)
      const proved = await waitUntil('the room is proved', () => isProved(client), CURE_MS)
      expect(proved).to.deep.include({ rooms, notices: 2 })
      await waitUntil('the late one is told', () => isProved(late))
      expect(ofRoom(other)).to.be.empty
    },

    async 'while Redis is gone, until what was kept meanwhile has been told'(onCleanUp) {
      const { start, startServer, startProxy, folder, recall, setUp, doubt } = createStage(onCleanUp)
      const dataDir = folder()
      const redis = await startServer({ dataDir })
      const proxy = await startProxy(redis)
      const { receiver: stopping, node, client } = await setUp(redis)
      const receiver = await start({ ROLE: 'receiver', REDIS_URL: proxy.url })
      stopping.signal('SIGTERM')
      await stopping.exited
      await redis.stop()
      const killedAtMs = performance.now()
      await recall(receiver, 2)
      await doubt(client, killedAtMs)
      const told = client.deliveries.length
      // The node is back before the receiver, which has something to tell.
      await proxy.setNewcomers('refuse')
      await startServer({ port: redis.port, dataDir })
      const isHeard = async () => (await readMetric(node.url, 'probe_age_seconds')) < 1
      await waitUntil('the node hears probes', isHeard, CURE_MS)
      const heardAtMs = performance.now()
      await waitUntil('it has heard several', () => performance.now() - heardAtMs > GONE_MS / 2)
      expect(client.deliveries.slice(told - 1).some(({ proved }) => proved)).to.equal(false)
      await proxy.setNewcomers('forward')
      await proof(client, 2)
      expect(client.gaps).to.be.empty
    },

    async 'while the server of their node has become a replica'(onCleanUp) {
      const { startServer, startAdmin, setUp, doubt } = createStage(onCleanUp)
      const redis = await startServer()
      const { send } = await startAdmin(redis, 'unused')
      const { receiver, node, client } = await setUp(redis)
      // Its receiver goes on at the master that takes over, which this node cannot see.
      receiver.signal('SIGTERM')
      await receiver.exited
      await send('REPLICAOF', '127.0.0.1', '1')
      await doubt(client, performance.now())
      const told = client.deliveries.length
      const isUnproved = async () => (await readMetric(node.url, 'probe_age_seconds')) > 6
      await waitUntil('no probe has counted for long', isUnproved, CURE_MS)
      expect(client.deliveries.slice(told - 1).some(({ proved }) => proved)).to.equal(false)
      await send('REPLICAOF', 'NO', 'ONE')
      await proof(client, 1)
    },

    async 'while the subscription of their node alone is deaf, and not because Redis is slow or a node was busy'(
      onCleanUp,
    ) {
      const { start, startServer, startProxy, subscribe, recall, setUp, doubt } = createStage(onCleanUp)
      const redis = await startServer()
      const [proxy, slow] = [await startProxy(redis), await startProxy(redis)]
      const { receiver, client } = await setUp(redis, proxy.url)
      const busy = await start({ ROLE: 'node', REDIS_URL: slow.url })
      const patient = await subscribe(busy)
      slow.delay(150)
      await proxy.setNewcomers('swallow')
      expect(proxy.swallow({ sent: 'recall-gateway-subscriber', direction: 'to client' })).to.equal(1)
      const deafAtMs = performance.now()
      busy.signal('SIGSTOP')
      const goesOn = delay(DOUBT_MS + 200).then(() => busy.signal('SIGCONT'))
      await recall(receiver, 2)
      await doubt(client, deafAtMs)
      expect(client.received).to.have.lengthOf(1)
      await goesOn
      await proxy.setNewcomers('forward')
      await proof(client, 2)
      expect(client.gaps).to.be.empty
      await patient.count(1)
      expect(patient.deliveries).to.be.empty
    },
  })
})
