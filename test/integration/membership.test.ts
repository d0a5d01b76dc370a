import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { createTencentRest } from '../../server/auth/membership/tencent-rest.ts'
import { verifyUserSig } from '../../server/auth/usersig.ts'
import { connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startFakeServer } from '../support/fake-server.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
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
