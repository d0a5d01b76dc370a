import { expect } from 'chai'
import { Redis } from 'ioredis'
import type { AuditResponse } from '../../shared/http-api/audit.ts'
import type { AccessReturnedResponse, RevocationsResponse } from '../../shared/http-api/revocations.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { quarantineRequest } from '../support/quarantine.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook } from '../support/webhook.ts'

describe('what admins do', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer
  let one: GatewayProcess
  let other: GatewayProcess
  before(async () => {
    redis = await startRedis()
    const settings = { REDIS_URL: redis.url, TEST_RECALLS: 'on', TRUST_PROXY: 'loopback' }
    ;[one, other] = await Promise.all([startGatewayProcess(settings), startGatewayProcess(settings)])
  })
  after(() => Promise.all([one.stop(), other.stop(), redis.stop()]))

  it('is listed at any node, the newest first, with who, from where and how it ended', async () => {
    const token = await adminToken()
    const audit = async (query = '') => {
      const { body } = await get(other.url, `/v1/audit${query}`, token)
      return body as unknown as AuditResponse
    }
    expect(await audit()).to.deep.equal({ ok: true, entries: [] })

    await postDisconnect(one.url, token, { userId: 'u', group: 'g', forS: 3_600 })
    const sent = await fetch(`${one.url}/v1/test-recall`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'X-Forwarded-For': '203.0.113.7' },
      body: JSON.stringify({ group: 'g', seqs: [1, 2] }),
    })
    expect(sent.status).to.equal(200)
    await postWebhook(one.url, { body: 'no json' })
    const { entries: quarantined } = (await quarantineRequest<'GET '>(one.url, 'GET')).body
    const id = quarantined[0]?.id ?? ''
    await quarantineRequest(one.url, 'POST', `/${id}/retry`)
    await quarantineRequest(one.url, 'DELETE', `/${id}`)
    await quarantineRequest(one.url, 'DELETE', `/${id}`)
    await quarantineRequest(one.url, 'DELETE', '?kind=webhook')

    const { entries, cursor } = await audit()
    expect(cursor).to.equal(undefined)
    expect(entries.map(({ action, result, details }) => [action, result, details])).to.deep.equal([
      ['quarantine drop', 'done', { kind: 'webhook', dropped: 0 }],
      ['quarantine drop', 'failed', { entry: id }],
      ['quarantine drop', 'done', { entry: id }],
      ['quarantine retry', 'done', { entry: id, accepted: false }],
      ['test recall', 'done', { group: 'g', messages: 2, throughReceiver: true }],
      ['disconnect', 'done', { userId: 'u', group: 'g', untilMs: entries.at(-1)?.details['untilMs'] }],
    ])
    expect(entries[1]).to.include({ code: 'NOT_IN_QUARANTINE', admin: 'admin-1', address: '127.0.0.1' })
    expect(entries[4]).to.include({ address: '203.0.113.7' })

    const paged: unknown[] = []
    for (let before = ''; ;) {
      const page = await audit(`?limit=4&before=${before}`)
      paged.push(...page.entries)
      if (page.cursor === undefined) break
      before = page.cursor
    }
    expect(paged).to.deep.equal(entries)

    // Whoever can write to Redis, where nothing is signed, can add what is no act.
    const admin = new Redis(redis.url)
    onCleanUp(() => admin.disconnect())
    const key = `recall-gateway:{${APP}}:records:audit`
    for (const text of ['x', '{}', '[]', JSON.stringify({ ...entries[0], details: 1 })])
      await admin.xadd(key, '*', 't', `${Date.now()}:${text}`, 'v', '2')
    expect(await audit()).to.deep.equal({ ok: true, entries, unreadable: 4 })
    expect((await audit('?before=0-0')) as object).to.include({ code: 'REQUEST_MALFORMED' })

    expect((await get(one.url, '/v1/audit?before=x', token)).status).to.equal(400)
    expect((await get(one.url, '/v1/audit', await makeToken())).status).to.equal(403)
  })

  it('shows who is taken out of what, until when and by whom, and gives access back on all nodes', async () => {
    const token = await makeToken({ sub: 'admin-2', role: 'admin' })
    const member = await makeToken({ sub: 'm', rooms: [{ group: 'h' }] })
    const position = async (url: string) => (await get(url, '/v1/position?group=h', member)).status
    const list = async (url: string) =>
      (await get(url, '/v1/revocations', token)).body as unknown as RevocationsResponse
    const giveBack = async (url: string, query: string) => {
      const headers = { Authorization: `Bearer ${token}` }
      const response = await fetch(`${url}/v1/revocations?${query}`, { method: 'DELETE', headers })
      return (await response.json()) as AccessReturnedResponse
    }
    const bothAnswer = (status: number) =>
      waitUntil('both nodes know', async () =>
        [await position(one.url), await position(other.url)].every((answer) => answer === status),
      )
    await bothAnswer(200)
    for (const order of [{ group: 'h', forS: 60 }, { group: 'h', forS: 3_600 }, { c2c: ['m', 'a'] }, {}])
      await postDisconnect(one.url, token, { userId: 'm', ...order })
    await bothAnswer(403)

    const { revocations } = await waitUntil('the other node has read all', async () => {
      const listed = await list(other.url)
      return listed.revocations.filter(({ userId }) => userId === 'm').length === 3 && listed
    })
    expect(revocations.map(({ userId, conversation, admin }) => [userId, conversation, admin])).to.deep.equal(
      [
        ['m', undefined, 'admin-2'],
        ['m', { c2c: ['a', 'm'] }, 'admin-2'],
        ['m', { group: 'h' }, 'admin-2'],
        ['u', { group: 'g' }, 'admin-1'],
      ],
    )
    const inGroup = revocations[2]
    expect((inGroup?.untilMs ?? 0) - (inGroup?.atMs ?? 0)).to.be.within(3_590_000, 3_600_000)

    expect(await giveBack(other.url, 'userId=m&group=h')).to.deep.equal({ ok: true, returned: 2 })
    expect(await giveBack(one.url, 'userId=nobody')).to.deep.equal({ ok: true, returned: 0 })
    expect(await position(one.url)).to.equal(403)
    expect(await giveBack(other.url, 'userId=m')).to.deep.equal({ ok: true, returned: 1 })
    await bothAnswer(200)
    // A process that starts later reads the orders, and that they were returned.
    const late = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(late.stop)
    expect(await position(late.url)).to.equal(200)
    expect((await list(late.url)).revocations.map(({ conversation }) => conversation)).to.deep.equal([
      { c2c: ['a', 'm'] },
      { group: 'g' },
    ])
    await postDisconnect(other.url, token, { userId: 'm', group: 'h', forS: 60 })
    await bothAnswer(403)

    const { body } = await get(one.url, '/v1/audit?limit=3', token)
    expect(
      (body as unknown as AuditResponse).entries.map(({ action, details }) => [action, details['orders']]),
    ).to.deep.equal([
      ['disconnect', undefined],
      ['access returned', 1],
      ['access returned', 2],
    ])
    // An order about an admin would bind nobody if its subject could end it.
    await postDisconnect(one.url, await adminToken(), { userId: 'admin-2', group: 'h', forS: 60 })
    expect(await giveBack(one.url, 'userId=admin-2&group=h')).to.include({ code: 'ADMIN_NEEDED' })
    const [latest] = await waitUntil('the node has read it', async () => {
      const { revocations: all } = await list(one.url)
      return all[0]?.userId === 'admin-2' && all
    })
    expect(latest).to.include({ admin: 'admin-1' })
    for (const query of ['', 'userId=', 'userId=m&topic=t', 'userId=m&group=g&official=o', 'userId=m&x=1'])
      expect(await giveBack(one.url, query), query).to.include({ code: 'REQUEST_MALFORMED' })

    // Of so many, the last are recorded together.
    const busy = await makeToken({ sub: 'admin-3', role: 'admin' })
    for (let i = 0; i < 103; i++) await postDisconnect(late.url, busy, { userId: `raider-${i}` })
    late.signal('SIGTERM')
    await late.exited
    const raiders = await waitUntil('the other node has read them', async () => {
      const found = (await list(other.url)).revocations.filter(({ userId }) => userId.startsWith('raider-'))
      return found.length === 103 && found.every(({ admin }) => admin !== undefined) && found
    })
    expect(raiders.map(({ admin: by }) => by)).to.deep.equal(Array.from({ length: 103 }, () => 'admin-3'))
  })

  it('is seen in an outage too, but for who ordered it', async () => {
    const token = await makeToken({ sub: 'admin-3', role: 'admin' })
    await postDisconnect(one.url, token, { userId: 'frozen', forS: 60 })
    const ordered = async () => {
      const { body } = await get(one.url, '/v1/revocations', token)
      return (body as unknown as RevocationsResponse).revocations.find(({ userId }) => userId === 'frozen')
    }
    await waitUntil('the node has read it', async () => (await ordered())?.admin === 'admin-3')
    redis.signal('SIGSTOP')
    onCleanUp(() => redis.signal('SIGCONT'))
    expect(await ordered())
      .to.include({ userId: 'frozen' })
      .and.not.have.property('admin')
  })

  it('does not call an export complete if entries of the log cannot be read', async () => {
    const token = await adminToken()
    await waitUntil('the node is well', async () => (await get(one.url, '/v1/search', token)).status === 200)
    const admin = new Redis(redis.url)
    onCleanUp(() => admin.disconnect())
    const [head, log] = ['head', 'log'].map((area) => `recall-gateway:{${APP}}:${area}:feed`) as [
      string,
      string,
    ]
    const offset = await admin.hincrby(head, 'offset', 1)
    await admin.xadd(log, `${offset}-0`, 'r', 'of nobody', 'l', '')
    const headers = { Authorization: `Bearer ${token}` }
    const text = await (await fetch(`${one.url}/v1/export?format=jsonl`, { headers })).text()
    const end = JSON.parse(text.trim().split('\n').at(-1) ?? '') as object
    expect(end).to.include({ complete: false, unreadable: 1 })
    const { body } = await get(one.url, '/v1/search', token)
    expect(body).to.deep.nested.include({ 'searched.unreadable': 1 })
    expect((await get(one.url, '/v1/top', token)).body).to.include({ complete: false })
  })
})
