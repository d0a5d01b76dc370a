import { expect } from 'chai'
import { pino } from 'pino'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { encodeHeartbeat } from '../../server/telemetry/heartbeat-state.ts'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { RoomPresenceResponse, UserPresenceResponse } from '../../shared/http-api/presence.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { IDLE_RECEIVER } from '../support/heartbeat.ts'
import { get, openStream } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const LOBBY = { group: 'lobby' }
const ALICE = { sub: 'alice', rooms: [LOBBY] }

describe('who is connected to three nodes', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer
  let nodes: GatewayProcess[]
  before(async () => {
    redis = await startRedis()
    const start = (ROLE: string) => startGatewayProcess({ ROLE, REDIS_URL: redis.url })
    nodes = await Promise.all(['all', 'all', 'all', 'receiver'].map(start))
  })
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()))
    await redis.stop()
  })

  const urlOf = (i: number): string => nodes[i]?.url ?? ''
  const read = async <T>(path: string, i = 0): Promise<T> => {
    const { status, body } = await get(urlOf(i), `/v1/${path}`, await adminToken())
    expect(status, JSON.stringify(body)).to.equal(200)
    return body as T
  }
  const userOn = (i: number, userId = 'alice') =>
    read<UserPresenceResponse>(`user-presence?userId=${userId}`, i)
  const lobbyOn = (i: number) => read<RoomPresenceResponse>('room-presence?group=lobby', i)
  const socket = async (i: number, claims: Parameters<typeof makeToken>[0]) => {
    const client = await connect(urlOf(i), await makeToken(claims))
    onCleanUp(client.close)
    await client.subscribe(LOBBY)
    return client
  }
  const known = () =>
    waitUntil('all three answer', async () => {
      const { nodes: answering } = await userOn(0)
      return answering.length === 3
    })

  it('is told by any of them: how, since when, in which rooms, how far, and until when', async () => {
    await known()
    const first = await socket(0, { ...ALICE, ttlS: 300 })
    await socket(0, ALICE)
    const stream = await openStream(urlOf(1), 'group=lobby', await makeToken(ALICE))
    onCleanUp(stream.close)
    await stream.first('subscribed')
    const bob = await socket(2, { ...ALICE, sub: 'bob' })
    const sinceMs = Date.now()
    for (const seq of [1, 2, 3]) {
      const body = recallBody({ GroupId: 'lobby', MsgSeqList: [{ MsgSeq: seq }] })
      expect((await postWebhook(urlOf(3), { body })).status).to.equal(200)
    }
    await first.count(3)
    await waitUntil('the stream has them', () => stream.seqs().length === 3)
    await bob.count(3)

    for (const i of [0, 1, 2]) {
      const { nodes: all, unanswered, revocations, userId } = await userOn(i)
      expect({ unanswered, revocations, userId }).to.deep.equal({
        unanswered: [],
        revocations: [],
        userId: 'alice',
      })
      const connections = all.flatMap((node) => node.connections)
      expect(all.map(({ moreConnections }) => moreConnections)).to.deep.equal([0, 0, 0])
      expect(
        connections.map(({ transport, protocolVersion }) => [transport, protocolVersion]),
      ).to.have.deep.members([
        ['websocket', 1],
        ['websocket', 1],
        ['stream', undefined],
      ])
      for (const { role, connectedAtMs, expiresAtMs, rooms, moreRooms, waitingBytes } of connections) {
        expect({ role, moreRooms, waitingBytes }).to.deep.equal({
          role: 'member',
          moreRooms: 0,
          waitingBytes: 0,
        })
        expect(connectedAtMs).to.be.within(sinceMs - 30_000, sinceMs)
        const [room] = rooms
        expect(room).to.include({ untilMs: expiresAtMs })
        expect(room?.room).to.deep.equal(LOBBY)
        expect(room?.position).to.deep.equal(room?.head)
        expect(room?.position?.offset).to.equal(3)
      }
      const ends = connections.map(({ expiresAtMs }) => Math.round((expiresAtMs - Date.now()) / 60_000))
      expect(ends).to.have.members([5, 10, 10])
    }

    const { nodes: inLobby, unanswered, head } = await lobbyOn(1)
    expect(unanswered).to.deep.equal([])
    expect(head?.offset).to.equal(3)
    for (const { position } of inLobby) expect(position).to.deep.equal(head)
    expect(inLobby.map(({ connections, users }) => ({ connections, users }))).to.have.deep.members([
      { connections: 2, users: [{ userId: 'alice', connections: 2 }] },
      { connections: 1, users: [{ userId: 'alice', connections: 1 }] },
      { connections: 1, users: [{ userId: 'bob', connections: 1 }] },
    ])
  })

  it('says what admins have taken, and that nobody of that name is connected', async () => {
    await known()
    const token = await adminToken()
    await postDisconnect(urlOf(0), token, { userId: 'mallory', group: 'lobby', forS: 60 })
    await postDisconnect(urlOf(0), token, { userId: 'mallory', forS: 30 })
    const { revocations = [], nodes: all } = await waitUntil('the other node knows', async () => {
      const answer = await userOn(1, 'mallory')
      return answer.revocations?.length === 2 && answer
    })
    expect(revocations.map(({ conversation }) => conversation)).to.deep.equal([undefined, LOBBY])
    for (const { untilMs } of revocations) expect(untilMs).to.be.within(Date.now(), Date.now() + 60_000)
    expect(all.flatMap(({ connections }) => connections)).to.deep.equal([])
  })

  it('is told to no member, and not without a user or a room', async () => {
    for (const path of ['user-presence?userId=alice', 'room-presence?group=lobby']) {
      const member = await get(urlOf(0), `/v1/${path}`, await makeToken(ALICE))
      expect([member.status, member.body['code']]).to.deep.equal([403, 'ADMIN_NEEDED'])
    }
    for (const path of [
      'user-presence',
      'user-presence?userId=',
      'room-presence',
      'user-presence?userId=alice&topic=t',
      'user-presence?userId=alice&group=lobby&feed=true',
    ]) {
      const { status } = await get(urlOf(0), `/v1/${path}`, await adminToken())
      expect(status, path).to.equal(400)
    }
  })

  it('is told without a node that is frozen, which is named, in little more than 2 s', async () => {
    await known()
    await socket(0, ALICE)
    await socket(2, { ...ALICE, sub: 'bob' })
    const frozen = nodes[2]
    const all = await lobbyOn(0)
    const id = all.nodes.find(({ users }) => users.some(({ userId }) => userId === 'bob'))?.id
    frozen?.signal('SIGSTOP')
    onCleanUp(() => frozen?.signal('SIGCONT'))
    const startMs = performance.now()
    const { nodes: answering, unanswered } = await lobbyOn(0)
    expect(performance.now() - startMs).to.be.within(1_900, 6_000)
    expect(answering).to.have.lengthOf(2)
    expect(answering.flatMap(({ users }) => users)).to.deep.equal([{ userId: 'alice', connections: 1 }])
    expect(unanswered.map((one) => one.id)).to.deep.equal([id])
    expect(unanswered[0]?.why).to.include('no answer within 2 s')
  })

  it('is told without a node of an earlier version, which is named', async () => {
    await known()
    const options = { historySize: 10, historyTtlS: 60, url: redis.url, prefix: 'recall-gateway', app: APP }
    const earlier = createRedisBroker(options, { log: pino({ level: 'silent' }) })
    await earlier.start()
    onCleanUp(() => earlier.stop())
    const { unanswered, nodes: answering } = await waitUntil('it is known', async () => {
      await earlier.heartbeat('earlier', encodeHeartbeat({ ...IDLE_RECEIVER, role: 'node' }))
      const answer = await userOn(0)
      return answer.unanswered[0]?.why.includes('of an earlier version') && answer
    })
    expect(answering).to.have.lengthOf(3)
    expect(unanswered[0]).to.include({ id: 'earlier' })
    expect(unanswered[0]?.why).to.include('of an earlier version')
  })

  it('is told without a node that signs with another key, which is named, also in the status', async () => {
    await known()
    const REDIS_SIGNING_KEY = 'n'.repeat(32)
    const other = await startGatewayProcess({ ROLE: 'node', REDIS_URL: redis.url, REDIS_SIGNING_KEY })
    onCleanUp(other.stop)
    const { unanswered } = await waitUntil('those without a key are named', async () => {
      const { body } = await get(other.url, '/v1/user-presence?userId=alice', await adminToken())
      const answer = body as unknown as UserPresenceResponse
      return answer.unanswered.length >= 4 && answer
    })
    expect(unanswered.at(-1)?.why).to.include('its report cannot be read: its REDIS_SIGNING_KEY')
    const { body } = await get(other.url, '/v1/status', await adminToken())
    const { problems } = body as unknown as StatusResponse
    const codes = problems.map(({ code }) => code)
    expect(codes).to.include('STATUS_INCOMPLETE').and.not.include('NO_RECEIVER')
  })

  it('is told of its own connections by a node without Redis', async () => {
    await known()
    await socket(0, ALICE)
    redis.signal('SIGSTOP')
    onCleanUp(() => redis.signal('SIGCONT'))
    const answer = await userOn(0)
    expect(answer.nodes.flatMap(({ connections }) => connections)).to.have.lengthOf(1)
    expect(answer.nodes[0]?.connections[0]?.rooms[0]).not.to.have.property('head')
    expect(answer.unanswered.length).to.be.above(0)
  })
})
