import { expect } from 'chai'
import { Redis } from 'ioredis'
import type { AuditResponse } from '../../shared/http-api/audit.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { quarantineRequest } from '../support/quarantine.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { postWebhook } from '../support/webhook.ts'

describe('GET /v1/audit', () => {
  const onCleanUp = cleanUpAfterEach()

  it('lists what admins did at any node, the newest first, with who, from where and how it ended', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const settings = { REDIS_URL: redis.url, TEST_RECALLS: 'on', TRUST_PROXY: 'loopback' }
    const [one, other] = await Promise.all([startGatewayProcess(settings), startGatewayProcess(settings)])
    onCleanUp(one.stop)
    onCleanUp(other.stop)
    const token = await adminToken()
    const audit = async (query = '') => {
      const { body } = await get(other.url, `/v1/audit${query}`, token)
      return body as unknown as AuditResponse
    }
    expect(await audit()).to.deep.equal({ ok: true, entries: [] })

    await postDisconnect(one.url, token, { userId: 'u', group: 'g', forS: 60 })
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
    expect((await audit()).entries).to.deep.equal(entries)

    expect((await get(one.url, '/v1/audit?before=x', token)).status).to.equal(400)
    expect((await get(one.url, '/v1/audit', await makeToken())).status).to.equal(403)
  })
})
