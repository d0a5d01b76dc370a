import { hostname } from 'node:os'
import { expect } from 'chai'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { AuditResponse } from '../../shared/http-api/audit.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { fairClock } from '../support/fair-clock.ts'
import { JWT_SECRET, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook } from '../support/webhook.ts'

/** A process is alive for 5 s after its last heartbeat, which can be 1 s old; and a busy machine. */
const GONE_WITHIN_MS = 20_000
const OK_RECALLS = 'webhooks_total{outcome="OK",command="Group.CallbackAfterRecallMsg"}'

describe('health', () => {
  const onCleanUp = cleanUpAfterEach()
  let admin: string
  before(async () => {
    admin = await adminToken()
  })

  /** Starts a gateway that stops after the test. */
  async function start(settings: Readonly<Record<string, string>>) {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }

  /** Otherwise each process would warn of it. */
  async function startRedisThatPersists() {
    const folder = temporaryFolder()
    const redis = await startRedis({ dataDir: folder.path })
    onCleanUp(async () => {
      await redis.stop()
      folder.remove()
    })
    return redis
  }

  const status = async ({ url }: { readonly url: string }): Promise<StatusResponse> =>
    (await get(url, '/v1/status', admin)).body as unknown as StatusResponse
  const waitForHealth = (gateway: { readonly url: string }, processes: number): Promise<unknown> =>
    waitUntil('all is well', async () => {
      const { nodes, problems } = await status(gateway)
      return nodes.length === processes && problems.length === 0
    })
  const problemsAt = async (gateway: { readonly url: string }): Promise<string[]> =>
    (await status(gateway)).problems.map(({ severity, code }) => `${severity} ${code}`)

  async function testRecall({ url }: { readonly url: string }, group = 'g') {
    const response = await fetch(`${url}/v1/test-recall`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${admin}` },
      body: JSON.stringify({ group, seqs: [1] }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  it('is critical within a minute when the token was rotated on one side only', async () => {
    const redis = await startRedisThatPersists()
    const shared = { REDIS_URL: redis.url, WEBHOOK_TOKEN: 'rotated-here-only' }
    const receiver = await start({ ...shared, ROLE: 'receiver' })
    const door = { TEST_RECALLS: 'on', TEST_RECALL_URL: `${receiver.url}/webhook` }
    const node = await start({ ...shared, ...door, ROLE: 'node' })
    await waitForHealth(node, 2)
    expect(await status(node)).to.deep.include({ complete: true, gone: [] })

    for (let i = 0; i < 30; i++) expect((await postWebhook(receiver.url)).body.ErrorCode).to.equal(401)
    await waitUntil('all refusals are critical', async () =>
      (await status(node)).problems.some(
        ({ severity, message }) => severity === 'critical' && message.includes('30 with WEBHOOK_FORGED'),
      ),
    )
    const { problems, nodes } = await status(node)
    expect(problems[0]?.message).to.include('30 with WEBHOOK_FORGED').and.include('WEBHOOK_TOKEN differ')
    expect(nodes.find(({ id }) => id === problems[0]?.processId)?.webhooks).to.deep.include({
      ok: 0,
      refused: { WEBHOOK_FORGED: 30 },
      lastOkAgeMs: null,
    })
    const ready = await get(receiver.url, '/readyz')
    expect(ready.status).to.equal(200)
    expect(JSON.stringify(ready.body['reasons'])).to.include('WEBHOOKS_REFUSED: the last 30')
    const series = 'problems{severity="critical",code="WEBHOOKS_REFUSED"}'
    const isCritical = async () => {
      for (const { url } of [node, receiver])
        await waitUntil('it is told', async () => (await readMetric(url, series).catch(() => 0)) === 1)
    }
    await isCritical()

    // It knows the token, unlike the provider, and so proves nothing of the provider's calls.
    expect((await testRecall(node)).body).to.include({ throughReceiver: true })
    expect(await readMetric(receiver.url, OK_RECALLS)).to.equal(1)
    expect(await readMetric(receiver.url, 'provider_webhooks_total')).to.equal(0)
    await isCritical()
  })

  it('is critical when the only receiver is killed, until one takes its place, and well after a clean stop', async () => {
    const redis = await startRedisThatPersists()
    const shared = { REDIS_URL: redis.url }
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const asReceiver = { ...shared, ROLE: 'receiver', DATA_DIR: folder.path }
    const [node, receiver] = await Promise.all([start({ ...shared, ROLE: 'node' }), start(asReceiver)])
    await waitForHealth(node, 2)
    receiver.signal('SIGKILL')
    await waitUntil(
      'the receiver is missed',
      async () => (await problemsAt(node)).includes('critical NO_RECEIVER'),
      GONE_WITHIN_MS,
    )
    const [gone] = (await status(node)).gone
    expect(gone).to.deep.include({ role: 'receiver', stopped: false, spooledRecalls: 0 })
    // By which its log is found.
    expect(receiver.output())
      .to.match(/"version":"[^"]+".*"gateway starting"/)
      .and.to.match(new RegExp(`"process":"${gone?.id}".*"gateway started"`))
    expect(await problemsAt(node)).to.include('warning PROCESS_GONE')
    await receiver.exited
    // Somebody says that the disk is lost; this one is not, and counts again once it is used.
    const forget = async () => {
      const response = await fetch(`${node.url}/v1/left-folders?folder=${gone?.dataFolder}`, {
        method: 'DELETE',
        headers: { Authorization: `Bearer ${admin}` },
      })
      return (await response.json()) as unknown
    }
    expect(await forget()).to.deep.equal({ ok: true, forgotten: true })
    expect(await problemsAt(node)).to.not.include('warning PROCESS_GONE')
    expect(await forget()).to.deep.equal({ ok: true, forgotten: false })
    const { entries } = (await get(node.url, '/v1/audit?limit=2', admin)).body as unknown as AuditResponse
    expect(entries.map(({ action, details }) => [action, details['wasLeft']])).to.deep.equal([
      ['folder given up', false],
      ['folder given up', true],
    ])

    const [restarted] = await Promise.all([start(asReceiver), start({ ...shared, ROLE: 'receiver' })])
    await waitUntil('it takes the place of the one that was killed', async () => {
      const { gone: others, problems: left } = await status(node)
      return others.length + left.length === 0
    })
    restarted.signal('SIGTERM')
    await restarted.exited
    const after = await waitUntil('its goodbye arrives', async () => {
      const answer = await status(node)
      return answer.gone.length === 1 && answer
    })
    expect(after.gone[0]).to.include({ role: 'receiver', host: hostname(), stopped: true })
    expect(after.problems).to.deep.equal([])
  })

  it('is told by every process of itself while Redis is frozen, to admins who are not banned', async () => {
    const redis = await startRedisThatPersists()
    const shared = { REDIS_URL: redis.url, JWT_SECRET }
    const [node, receiver, blind] = await Promise.all([
      start({ ...shared, ROLE: 'node' }),
      start({ ...shared, ROLE: 'receiver' }),
      start({ ...shared, ROLE: 'receiver', JWT_SECRET: '' }),
    ])
    await postDisconnect(node.url, admin, { userId: 'banned' })
    const banned = await makeToken({ sub: 'banned', role: 'admin' })
    await waitUntil('the ban has arrived', async () => {
      const { body } = await get(receiver.url, '/v1/status', banned)
      return body['code'] === 'USER_DISCONNECTED'
    })
    expect((await get(receiver.url, '/v1/status')).body).to.include({ code: 'TOKEN_REFUSED' })
    expect((await get(receiver.url, '/v1/status', await makeToken({}))).body).to.include({
      code: 'ADMIN_NEEDED',
    })
    const refused = await get(blind.url, '/v1/status', admin)
    expect(refused.body).to.include({ code: 'NOT_FOUND' })
    expect(refused.body['message']).to.include('JWT_SECRET')
    // Who follows the runbook may have asked the wrong process.
    for (const asked of [receiver, blind]) {
      const elsewhere = await get(asked.url, '/v1/quarantine', admin)
      expect(elsewhere.body).to.include({ code: 'NOT_FOUND' })
      expect(elsewhere.body['message']).to.include('ask one with ROLE=node')
    }
    await waitForHealth(receiver, 3)
    expect(await status(receiver)).to.include({ complete: true, testRecalls: false })

    redis.signal('SIGSTOP')
    for (const gateway of [node, receiver]) {
      const incomplete = await waitUntil('the others cannot be asked', async () => {
        const fairMs = fairClock(gateway.pid)
        const startedMs = fairMs()
        const answer = await status(gateway)
        expect(fairMs() - startedMs).to.be.below(8_000)
        return !answer.complete && answer
      })
      expect(incomplete.nodes.map(({ id }) => id)).to.deep.equal([incomplete.self])
      expect(incomplete.incomplete).to.be.a('string').and.not.include('127.0.0.1')
      expect(incomplete.problems.map(({ code }) => code))
        .to.include('STATUS_INCOMPLETE')
        .and.not.include('NO_RECEIVER')
    }
    expect((await get(receiver.url, '/v1/status', banned)).body).to.include({ code: 'USER_DISCONNECTED' })
    redis.signal('SIGCONT')
    await waitUntil('all are seen again', async () => (await status(node)).nodes.length === 3)
  })

  it('is tried with test recalls that go through the door of a receiver, or say that they did not', async () => {
    const redis = await startRedisThatPersists()
    const shared = { REDIS_URL: redis.url, TEST_RECALLS: 'on' }
    const receiver = await start({ ...shared, ROLE: 'receiver' })
    const door = { ...shared, ROLE: 'node', TEST_RECALL_URL: `${receiver.url}/webhook` }
    const [node, wrong, past] = await Promise.all([
      start({ ...door, WEBHOOK_TOKEN: `${WEBHOOK_TOKEN}, old` }),
      start({ ...door, WEBHOOK_TOKEN: 'another-token' }),
      start({ ...shared, ROLE: 'node' }),
    ])
    const client = await connect(node.url, admin)
    onCleanUp(client.close)
    await client.subscribe({ feed: true })

    const through = await testRecall(node)
    expect(through.body).to.deep.equal({ ok: true, positions: [], throughReceiver: true })
    await client.count(1)
    expect(client.received[0]?.notice).to.deep.include({
      operator: 'admin-1',
      group: 'g',
      platform: 'RESTAPI',
    })
    expect(await readMetric(receiver.url, OK_RECALLS)).to.equal(1)

    const forged = await testRecall(wrong)
    expect(forged).to.deep.include({ status: 401 })
    expect(forged.body).to.include({ code: 'WEBHOOK_FORGED', retry: false })
    expect(forged.body['message']).to.include('the receiver at TEST_RECALL_URL').and.include('WEBHOOK_TOKEN')

    const { status: code, body } = await testRecall(past, 'past')
    expect(code).to.equal(200)
    expect(body).to.include({ ok: true, throughReceiver: false })
    expect(body['note']).to.include('TEST_RECALL_URL')
    expect(body['positions']).to.have.length(2)
    await client.count(2)
  })

  it('is tried through its own door by a process that receives webhooks itself', async () => {
    const on = { TEST_RECALLS: 'on' }
    const [closed, open] = await Promise.all([
      start({ ...on, WEBHOOK_ALLOW: '10.0.0.0/8' }),
      start({
        ...on,
        WEBHOOK_AUTH: 'off',
        WEBHOOK_TOKEN: '',
        WEBHOOK_PATH: '/in/secret',
        BASE_PATH: '/recalls',
      }),
    ])
    expect((await testRecall(open)).body).to.deep.equal({ ok: true, positions: [], throughReceiver: true })
    const past = await testRecall(closed)
    expect(past.body).to.include({ throughReceiver: false })
    expect(past.body['note']).to.include('WEBHOOK_ALLOW').and.include('127.0.0.1')
  })
})
