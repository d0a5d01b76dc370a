import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createTencentRest } from '../../server/auth/membership/tencent-rest.ts'
import { verifyUserSig } from '../../server/auth/usersig.ts'
import { connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startFakeServer } from '../support/fake-server.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get, openStream } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const KEY = 'k'.repeat(64)
const SECRET = 'a'.repeat(32)

interface LookupBody {
  readonly userId: string
  readonly group: string
  readonly topic?: string
}

describe('membership of a user without a grant in the token', () => {
  const onCleanUp = cleanUpAfterEach()
  const startServer = async (respond: Parameters<typeof startFakeServer>[0]) => {
    const server = await startFakeServer(respond)
    onCleanUp(server.stop)
    return server
  }
  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }
  const open = async ({ url }: GatewayProcess, sub = 'u'): Promise<Client> => {
    const client = await connect(url, await makeToken({ sub }))
    onCleanUp(client.close)
    return client
  }
  const recall = async (gateway: GatewayProcess, seq: number) => {
    const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
  }
  const postCommand = async (
    gateway: GatewayProcess,
    command: string,
    fields: Readonly<Record<string, unknown>>,
  ) => {
    const body = { CallbackCommand: command, GroupId: 'g', Type: 'Public', ...fields }
    expect((await postWebhook(gateway.url, { query: signedQuery(command), body })).status).to.equal(200)
  }

  describe("looked up at the app's backend", () => {
    it('sends user, room and a signature, and lets the user in where the app allows it', async () => {
      const app = await startServer(({ body }) => ({
        body: { allowed: (JSON.parse(body) as LookupBody).group === 'g' },
      }))
      const gateway = await start({ AUTHORIZE_URL: `${app.url}/may?x=1`, AUTHORIZE_SECRET: SECRET })
      const client = await open(gateway)
      await client.subscribe({ group: 'g', topic: 't' })
      expect(await client.request({ group: 'h' })).to.include({ code: 'ROOM_REFUSED', retry: false })
      expect(await client.request({ feed: true })).to.include({ code: 'ROOM_REFUSED' })
      expect(app.requests).to.have.length(2)
      const [lookup] = app.requests
      if (lookup === undefined) throw new Error('no request was sent')
      const { body, headers, url } = lookup
      expect(url.search).to.equal('?x=1')
      expect(JSON.parse(body)).to.deep.equal({ app: APP, userId: 'u', group: 'g', topic: 't' })
      const time = String(headers['x-recall-gateway-time'])
      const expected = createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex')
      expect(headers['x-recall-gateway-signature']).to.equal(`sha256=${expected}`)
    })

    it('is unknown, and can be retried, when the app gives no valid response', async () => {
      const responses = [
        { status: 500, body: {} },
        { body: 'yes' },
        { body: { allowed: 'yes' } },
        { status: 302, body: '' },
        { body: { allowed: true, forS: 0 } },
        { body: `{"allowed":true,"x":"${'x'.repeat(5_000)}"}` },
        'nothing',
      ] as const
      let turn = 0
      const app = await startServer(() => responses[turn++ % responses.length] ?? 'nothing')
      const gateway = await start({ AUTHORIZE_URL: app.url, AUTHORIZE_SECRET: SECRET })
      const client = await open(gateway)
      for (const _response of responses)
        expect(await client.request({ group: 'g' })).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
      app.stop()
      expect(await client.request({ group: 'g' })).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
    })

    it('may come with what typed languages write for what is not set', async () => {
      const responses = [
        { allowed: true, forS: null },
        { allowed: true, forS: '' },
        { allowed: true, forS: 59.5 },
        { allowed: true, forS: 1e9 },
        { allowed: null },
        { allowed: '' },
        // With a byte order mark, as some servers write UTF-8.
        `\uFEFF${JSON.stringify({ allowed: true })}\n`,
      ]
      const app = await startServer(({ body }) => ({
        body: responses[Number((JSON.parse(body) as LookupBody).group)],
      }))
      const gateway = await start({ AUTHORIZE_URL: app.url, AUTHORIZE_SECRET: SECRET })
      const client = await open(gateway)
      for (const group of ['0', '1', '2', '3', '6']) await client.subscribe({ group })
      for (const group of ['4', '5'])
        expect(await client.request({ group })).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
    })

    it('is not asked for a while after the app has said that it is asked too often', async () => {
      let status = 429
      const app = await startServer(() => ({ status, body: { allowed: true } }))
      const gateway = await start({ AUTHORIZE_URL: app.url, AUTHORIZE_SECRET: SECRET })
      const client = await open(gateway)
      const startedAtMs = performance.now()
      const requests = Array.from({ length: 50 }, (_, i) => client.request({ group: `g${i}` }))
      for (const response of await Promise.all(requests))
        expect(response).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
      const asked = app.requests.length
      expect(asked).to.be.at.most(10)
      expect(await client.request({ group: 'g' })).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
      const token = await makeToken({ sub: 'another' })
      const overHttp = await get(gateway.url, '/v1/position?group=g', token)
      expect(overHttp).to.include({ status: 503 })
      expect(overHttp.body).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
      expect(Number(overHttp.headers.get('Retry-After'))).to.be.within(1, 2)
      // It is left alone for a second.
      if (performance.now() - startedAtMs < 900) expect(app.requests).to.have.length(asked)
      status = 200
      await waitUntil('it is asked again', async () => (await client.request({ group: 'g' })).ok)
    })

    it('is looked up for one user only so often, whatever the number of sockets, and others are not affected', async () => {
      const app = await startServer(async () => {
        await delay(20)
        return { body: { allowed: true } }
      })
      const gateway = await start({ AUTHORIZE_URL: app.url, AUTHORIZE_SECRET: SECRET })
      const greedy = await Promise.all(Array.from({ length: 20 }, () => open(gateway, 'greedy')))
      const other = await open(gateway, 'other')
      const requests = greedy.flatMap((client, i) =>
        Array.from({ length: 50 }, (_, j) => client.request({ group: `g${i}-${j}` })),
      )
      // The same room from every socket is one question.
      requests.push(...greedy.map((client) => client.request({ group: 'same' })))
      await other.subscribe({ group: 'g' })
      const responses = await Promise.all(requests)
      expect(responses.filter(({ ok }) => ok).length).to.be.within(450, 520)
      for (const response of responses)
        if (!response.ok) expect(response).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
      const askedFor = app.requests.map(({ body }) => JSON.parse(body) as LookupBody)
      expect(askedFor.filter(({ userId }) => userId === 'greedy').length).to.equal(500)
      expect(askedFor.filter(({ group }) => group === 'same').length).to.be.at.most(1)
      await other.subscribe({ group: 'h' })
    })

    it('ends with a reason that can be retried when it cannot be looked up again, for sockets and streams alike', async () => {
      let status = 200
      const app = await startServer(() => ({ status, body: { allowed: true, forS: 1 } }))
      const gateway = await start({ AUTHORIZE_URL: app.url, AUTHORIZE_SECRET: SECRET })
      const client = await open(gateway)
      await client.subscribe({ group: 'g' })
      const stream = await openStream(gateway.url, 'group=g', await makeToken({ sub: 'u' }))
      onCleanUp(stream.close)
      await stream.first('subscribed')
      status = 500
      const expected = { code: 'MEMBERSHIP_UNKNOWN', retry: true }
      expect((await stream.first('unsubscribed')).data).to.include(expected)
      await stream.ended()
      await waitUntil('the socket is told', () => client.unsubscribed.length > 0)
      expect(client.unsubscribed[0]).to.include(expected)
      const refused = await get(gateway.url, '/v1/stream?group=g', await makeToken({ sub: 'u' }))
      expect(refused.status).to.equal(503)
      expect(refused.body).to.include(expected)
      status = 200
      await waitUntil('it is looked up again', async () => (await client.request({ group: 'g' })).ok)
    })

    it('admits a user who joins after a refusal', async () => {
      let allowed = false
      const app = await startServer(() => ({ body: { allowed, forS: 5 } }))
      const gateway = await start({ AUTHORIZE_URL: app.url, AUTHORIZE_SECRET: SECRET })
      const client = await open(gateway)
      expect(await client.request({ group: 'g' })).to.include({ code: 'ROOM_REFUSED', retry: false })
      allowed = true
      expect(await client.request({ group: 'g' })).to.include({ code: 'ROOM_REFUSED', retry: true })
      await waitUntil('it is looked up again', async () => (await client.request({ group: 'g' })).ok)
    })

    it('is looked up again when the verdict expires, and the user leaves when it has ended', async () => {
      let allowed = true
      const app = await startServer(() => ({ body: { allowed, forS: 1 } }))
      const gateway = await start({ AUTHORIZE_URL: app.url, AUTHORIZE_SECRET: SECRET })
      const client = await open(gateway)
      const { position } = await client.subscribe({ group: 'g' })
      await waitUntil('it is looked up again', () => app.requests.length > 1)
      await recall(gateway, 1)
      await client.count(1)
      allowed = false
      await waitUntil('the user has left', () => client.unsubscribed.length > 0)
      expect(client.unsubscribed[0]).to.include({ code: 'ROOM_REFUSED', retry: false })
      await recall(gateway, 2)
      expect(await client.request({ group: 'g', since: position })).to.include({ code: 'ROOM_REFUSED' })
      expect(client.seqs()).to.deep.equal([1])
    })
  })

  describe("looked up with Tencent's REST API", () => {
    const roles: Record<string, string> = { u: 'Member', boss: 'Owner', stranger: 'NotMember' }
    const startTencent = () =>
      startServer(({ body }) => {
        const { GroupId, User_Account } = JSON.parse(body) as { GroupId: string; User_Account: string[] }
        if (GroupId === 'live') return { body: { ActionStatus: 'FAIL', ErrorCode: 10_007, ErrorInfo: '' } }
        if (GroupId === 'busy') return { body: { ActionStatus: 'FAIL', ErrorCode: 60_007, ErrorInfo: '' } }
        const UserIdList = User_Account.map((id) => ({ Member_Account: id, Role: roles[id] ?? 'NotMember' }))
        return { body: { ActionStatus: 'OK', ErrorCode: 0, ErrorInfo: '', UserIdList } }
      })
    const settings = (host: string) => ({ TENCENT_REST_HOST: host, USERSIG_SECRET_KEY: KEY })

    it('uses a UserSig of the admin account, and lets members in', async () => {
      const tencent = await startTencent()
      const gateway = await start(settings(tencent.url))
      const [member, owner, stranger] = [
        await open(gateway),
        await open(gateway, 'boss'),
        await open(gateway, 'stranger'),
      ]
      await member.subscribe({ group: 'g' })
      await member.subscribe({ group: 'g', topic: 't' })
      await owner.subscribe({ group: 'g' })
      expect(await stranger.request({ group: 'g' })).to.include({ code: 'ROOM_REFUSED' })
      expect(await member.request({ group: 'live' })).to.include({ code: 'ROOM_REFUSED' })
      expect(await member.request({ group: 'busy' })).to.include({ code: 'MEMBERSHIP_UNKNOWN', retry: true })
      const { pathname, searchParams } = tencent.requests[0]?.url ?? new URL('http://none')
      expect(pathname).to.equal('/v4/group_open_http_svc/get_role_in_group')
      expect(searchParams.get('sdkappid')).to.equal(APP)
      const userSig = searchParams.get('usersig') ?? ''
      const check = { userId: 'administrator', app: APP, key: KEY, nowMs: Date.now() }
      expect(verifyUserSig(userSig, check)).to.have.property('expiresAtMs')
      expect(gateway.output()).to.not.include(userSig.slice(0, 40))
    })

    it('looks up many users of a group in one call', async () => {
      const tencent = await startTencent()
      const options = { host: tencent.url, app: APP, adminId: 'administrator', key: KEY, perSecond: 100 }
      const source = createTencentRest(options)
      const users = Array.from({ length: 1_200 }, (_, i) => (i === 7 ? 'u' : `user-${i}`))
      const verdicts = await Promise.all(users.map((user) => source(user, { group: 'g' })))
      expect(verdicts.filter(({ allowed }) => allowed)).to.have.length(1)
      const sizes = tencent.requests.map(
        ({ body }) => (JSON.parse(body) as { User_Account: string[] }).User_Account.length,
      )
      // Sorted, because the calls are concurrent.
      expect(sizes.toSorted((a, b) => b - a)).to.deep.equal([500, 500, 200])
    })

    it('makes no more calls than the rate limit allows', async () => {
      const tencent = await startTencent()
      const options = { host: tencent.url, app: APP, adminId: 'administrator', key: KEY, perSecond: 10 }
      const source = createTencentRest(options)
      const startedAtMs = performance.now()
      await Promise.all(Array.from({ length: 11 }, (_, i) => source('u', { group: `g${i}` })))
      expect(performance.now() - startedAtMs).to.be.above(950)
    })

    it('makes no calls for a while after it has been refused as too frequent', async () => {
      let isTooFrequent = true
      const calledAtMs: number[] = []
      const tencent = await startServer(({ body }) => {
        calledAtMs.push(performance.now())
        const { User_Account } = JSON.parse(body) as { User_Account: string[] }
        const UserIdList = User_Account.map((id) => ({ Member_Account: id, Role: 'Member' }))
        return { body: isTooFrequent ? { ErrorCode: 60_007 } : { ErrorCode: 0, UserIdList } }
      })
      const options = { host: tencent.url, app: APP, adminId: 'administrator', key: KEY, perSecond: 5 }
      const source = createTencentRest(options)
      const ask = (group: string) =>
        source('u', { group }).then(
          () => 'answered',
          () => 'unknown',
        )
      // Booked for two seconds: those that wait must not be made in the pause.
      const outcomes = Array.from({ length: 12 }, (_, i) => ask(`g${i}`))
      await waitUntil('it is refused', async () => (await outcomes[0]) === 'unknown')
      const refusedAtMs = performance.now()
      isTooFrequent = false
      expect(await Promise.all(outcomes.slice(5))).to.deep.equal(Array.from({ length: 7 }, () => 'answered'))
      const inPause = calledAtMs.filter((atMs) => atMs > refusedAtMs + 150 && atMs < refusedAtMs + 900)
      expect(inPause).to.be.empty
    })

    it('takes each user for whom there is a role, and what is odd for no verdict', async () => {
      const lists: Readonly<Record<string, unknown>> = {
        odd: [
          null,
          7,
          { Member_Account: 'v' },
          { Member_Account: 1002, Role: 'Member' },
          { Member_Account: 'u', Role: 'Owner' },
        ],
        none: null,
        empty: '',
        stranger: [{ Member_Account: 'u', Role: 'NotMember' }],
      }
      const tencent = await startServer(({ body }) => {
        const { GroupId } = JSON.parse(body) as { GroupId: string }
        return { body: { ErrorCode: GroupId === 'gone' ? 10_010 : 0, UserIdList: lists[GroupId] ?? null } }
      })
      const options = { host: tencent.url, app: APP, adminId: 'administrator', key: KEY, perSecond: 100 }
      const source = createTencentRest(options)
      const ask = (userId: string, group: string) =>
        source(userId, { group }).then(
          ({ allowed }) => allowed,
          () => 'unknown',
        )
      expect(await Promise.all(['u', '1002', 'v'].map((userId) => ask(userId, 'odd')))).to.deep.equal([
        true,
        true,
        'unknown',
      ])
      expect(await ask('u', 'none')).to.equal('unknown')
      expect(await ask('u', 'empty')).to.equal('unknown')
      expect(await ask('u', 'stranger')).to.equal(false)
      expect(await ask('u', 'gone')).to.equal(false)
    })

    it('ends on all nodes as soon as a webhook says so', async () => {
      const tencent = await startTencent()
      const redis = await startRedis()
      onCleanUp(redis.stop)
      const shared = { ...settings(tencent.url), REDIS_URL: redis.url }
      const [one, two] = [await start(shared), await start(shared)]
      const clients = [await open(one), await open(two), await open(two, 'boss')]
      for (const client of clients) await client.subscribe({ group: 'g' })
      roles['u'] = 'NotMember'
      await postCommand(one, 'Group.CallbackAfterMemberExit', {
        ExitType: 'Kicked',
        ExitMemberList: [{ Member_Account: 'u' }, { Member_Account: 'else' }, {}],
      })
      await waitUntil('both have left', () =>
        clients.slice(0, 2).every((client) => client.unsubscribed.length > 0),
      )
      await recall(one, 1)
      await clients[2]?.count(1)
      expect(clients.map(({ received }) => received.length)).to.deep.equal([0, 0, 1])
      roles['boss'] = 'NotMember'
      await postCommand(one, 'Group.CallbackAfterGroupDestroyed', { Owner_Account: 'boss' })
      await waitUntil('the last one has left', () => clients[2]?.unsubscribed.length === 1)
      roles['u'] = 'Member'
      await postCommand(one, 'Group.CallbackAfterMemberExit', { ExitMemberList: 'nonsense' })
    })
  })
})
