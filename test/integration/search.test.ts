import { expect } from 'chai'
import type { SearchResponse } from '../../shared/http-api/search.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { APP, runGateway, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

describe('GET /v1/search', () => {
  let gateway: GatewayProcess
  before(async () => {
    gateway = await startGatewayProcess({ TEST_RECALLS: 'on' })
    for (const [GroupId, seqs, Operator_Account] of [
      ['lobby', [129, 130], 'alice'],
      ['hall', [130], 'bob'],
      ['=cmd|"x"', [1], 'alice'],
    ] as const)
      await postWebhook(gateway.url, {
        body: recallBody({ GroupId, MsgSeqList: seqs.map((MsgSeq) => ({ MsgSeq })), Operator_Account }),
      })
  })
  after(() => gateway.stop())

  const search = async (query: Record<string, string>, token?: string) => {
    const path = `/v1/search?${new URLSearchParams(query).toString()}`
    const { status, body } = await get(gateway.url, path, token ?? (await adminToken()))
    return { status, body: body as unknown as SearchResponse & { code?: string; message?: string } }
  }

  it('answers who recalled 130 in lobby, and when, in one request', async () => {
    const { body } = await search({ q: 'group:lobby seq:130' })
    expect(body.hits).to.have.length(1)
    expect(body.hits[0]?.notice).to.include({
      group: 'lobby',
      operator: 'alice',
      recalledAtMs: 1670574414123,
    })
    expect(body.hits[0]).to.deep.include({ room: { group: 'lobby' } })
    expect(body).to.not.have.property('cursor')
    expect(body.keptSinceMs).to.equal(body.hits[0]?.notice.receivedAtMs)
  })

  it('continues where it ended, the newest first', async () => {
    const groups: unknown[] = []
    for (let before = ''; ;) {
      const { body } = await search({ q: 'operator:alice,bob', limit: '1', before })
      groups.push(...body.hits.map(({ notice }) => notice.group))
      if (body.cursor === undefined) break
      before = body.cursor
    }
    expect(groups).to.deep.equal(['=cmd|"x"', 'hall', 'lobby'])
  })

  it('names the term that it does not understand', async () => {
    for (const [q, message] of [
      ['lobby grp:x', /"q": grp:x: the keys are /],
      ['recalled>=yesterday', /recalled>=yesterday: write a time/],
      ['x'.repeat(1_001), /at most 1000 characters/],
    ] as const) {
      const { status, body } = await search({ q })
      expect([status, body.code]).to.deep.equal([400, 'REQUEST_MALFORMED'])
      expect(body.message).to.match(message)
    }
    for (const query of [
      { before: 'feed:x' },
      { before: 'group:e:1' },
      { limit: '0' },
      { limit: '1001' },
      { x: '1' },
    ])
      expect((await search(query as never)).status, JSON.stringify(query)).to.equal(400)
  })

  it('tells tests from what was recalled, for ever, and what is recalled after a test is told', async () => {
    const token = await adminToken()
    const recalled = await fetch(`${gateway.url}/v1/test-recall`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: JSON.stringify({ group: 'tested', seqs: [1] }),
    })
    expect(recalled.status).to.equal(200)
    const { exited } = runGateway(
      ['send', '--url', `${gateway.url}/webhook`, '--group', 'tested', '--seqs', '2'],
      { SDK_APP_ID: APP, WEBHOOK_TOKEN },
    )
    expect(await exited).to.equal(0)
    // Whoever knows the token may mark what never happened, also for times to come.
    const forged = recallBody({
      GroupId: 'tested',
      MsgSeqList: [{ MsgSeq: 3 }],
      EventTime: Date.now() + 86_400_000,
    })
    await postWebhook(gateway.url, { body: forged, headers: { 'X-Recall-Gateway-Call': 'own' } })
    for (const seq of [1, 2, 3])
      await postWebhook(gateway.url, {
        body: recallBody({ GroupId: 'tested', MsgSeqList: [{ MsgSeq: seq }], EventTime: Date.now() + 1_000 }),
      })
    const seqs = async (q: string) =>
      (await search({ q })).body.hits.map(({ notice }) => notice.messages[0]?.seq)
    expect(await seqs('group:tested is:test')).to.deep.equal([3, 2, 1])
    expect(await seqs('group:tested -is:test')).to.deep.equal([3, 2, 1])
    const member = await makeToken({ rooms: [{ group: 'tested' }] })
    const { body } = await get(gateway.url, '/v1/notices?group=tested', member)
    expect(JSON.stringify(body)).to.not.include('test"')
    expect(JSON.stringify((await get(gateway.url, '/v1/notices?group=tested', token)).body)).to.include(
      '"test":true',
    )
  })

  it('is for admins', async () => {
    expect((await search({}, await makeToken({ rooms: [{ group: 'lobby' }] }))).status).to.equal(403)
  })

  it('counts as twenty requests', async () => {
    const token = await makeToken({ sub: 'busy', role: 'admin' })
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async () => await search({ limit: '1' }, token)),
    )
    const refused = outcomes.find(({ status }) => status === 429)
    expect(refused?.body.code).to.equal('TOO_MANY_REQUESTS')
    expect(outcomes.filter(({ status }) => status === 200)).to.have.length.within(46, 48)
  })
})
