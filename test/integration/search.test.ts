import { expect } from 'chai'
import type { AuditResponse } from '../../shared/http-api/audit.ts'
import type { SearchResponse } from '../../shared/http-api/search.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { APP, runGateway, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

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
  const onCleanUp = cleanUpAfterEach()

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
    expect(body.keptSinceMs).to.be.at.least(body.hits[0]?.notice.receivedAtMs ?? Infinity)
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

  it('counts where and by whom most was recalled', async () => {
    const { body } = await get(gateway.url, '/v1/top?forS=600', await adminToken())
    expect(body).to.deep.include({
      groups: [
        { group: 'lobby', recalls: 1, messages: 2 },
        { group: '=cmd|"x"', recalls: 1, messages: 1 },
        { group: 'hall', recalls: 1, messages: 1 },
      ],
      operators: [
        { operator: 'alice', recalls: 2, messages: 3 },
        { operator: 'bob', recalls: 1, messages: 1 },
      ],
      conversations: [{ group: '=cmd|"x"' }, { group: 'hall' }, { group: 'lobby' }],
    })
    expect(body['sinceMs']).to.be.lessThan(Number(body['keptSinceMs']))
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

  const openExport = async (query: Record<string, string>, sub = 'admin-1') =>
    await fetch(`${gateway.url}/v1/export?${new URLSearchParams(query).toString()}`, {
      headers: { Authorization: `Bearer ${await makeToken({ sub, role: 'admin' })}` },
    })

  it('exports as CSV that no spreadsheet takes for formulas, and whose last line says that it is complete', async () => {
    const response = await openExport({ q: 'operator:alice' })
    expect(response.headers.get('content-type')).to.include('text/csv')
    expect(response.headers.get('content-disposition')).to.match(
      /^attachment; filename="recalls-\d{8}T\d{6}Z\.csv"$/,
    )
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(bytes.subarray(0, 3).toString('hex')).to.equal('efbbbf')
    const rows = bytes.toString().split('\r\n')
    expect(rows[0]).to.include('row').and.include('recalled_at').and.include('seq')
    const alice = rows.filter((row) => row.startsWith('"recall"'))
    expect(alice.map((row) => row.split(',')[4])).to.deep.equal([`"'=cmd|""x"""`, '"lobby"', '"lobby"'])
    expect(alice[1]).to.include('"2022-12-09T08:26:54.123Z"').and.include('"alice",,129,')
    expect(rows.at(-2)).to.match(/^"end","complete: 2 recalls, of what was received since 20.*Z",,/)
    for (const row of rows.slice(0, -1)) expect(row.match(/,/g)?.length).to.be.at.least(20)
    expect(rows.at(-1)).to.equal('')
  })

  it('exports as JSON Lines, names as they are', async () => {
    const text = await (await openExport({ q: 'operator:alice', format: 'jsonl' })).text()
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ type }) => type)).to.deep.equal(['recall', 'recall', 'end'])
    expect(lines[0]).to.deep.nested.include({
      'notice.group': '=cmd|"x"',
      recalledAt: '2022-12-09T08:26:54.123Z',
    })
    expect(lines.at(-1)).to.include({ complete: true, recalls: 2 })
  })

  it('finds and exports what came late of a dismissed group, though the log of its successor reaches back further', async () => {
    const small = await startGatewayProcess({ HISTORY_SIZE: '10' })
    onCleanUp(small.stop)
    const endedAtMs = Date.now()
    const command = 'Group.CallbackAfterGroupDestroyed'
    await postWebhook(small.url, {
      query: signedQuery(command),
      body: { CallbackCommand: command, GroupId: 'again', EventTime: endedAtMs },
    })
    const recall = async (GroupId: string, seq: number, atMs: number) =>
      await postWebhook(small.url, {
        body: recallBody({ GroupId, MsgSeqList: [{ MsgSeq: seq }], EventTime: atMs }),
      })
    await recall('again', 1, endedAtMs + 1_000)
    for (let seq = 1; seq <= 12; seq++) await recall('other', seq, endedAtMs)
    await recall('again', 99, endedAtMs - 1_000)
    const found: (number | undefined)[] = []
    let before = ''
    do {
      const query = new URLSearchParams({ q: 'group:again', before })
      const { body } = await get(small.url, `/v1/search?${query.toString()}`, await adminToken())
      const page = body as unknown as SearchResponse
      found.push(...page.hits.map(({ notice }) => notice.messages[0]?.seq))
      before = page.cursor ?? ''
    } while (before !== '')
    expect(found).to.deep.equal([1, 99])
    const file = await fetch(`${small.url}/v1/export?q=group:again`, {
      headers: { Authorization: `Bearer ${await adminToken()}` },
    })
    const rows = (await file.text()).split('\r\n')
    expect(rows.at(-2)).to.match(/^"end","complete: 2 recalls, of what was received since 20/)
  })

  it('exports no faster than the client reads, a user one at a time, and ends when the client leaves', async () => {
    const MsgSeqList = Array.from({ length: 1_000 }, (_, i) => ({
      MsgSeq: i + 1,
      MsgId: `${i}`.padStart(200, 'x'),
    }))
    for (let i = 0; i < 30; i++)
      await postWebhook(gateway.url, { body: recallBody({ GroupId: `large-${i}`, MsgSeqList }) })
    const controller = new AbortController()
    const headers = { Authorization: `Bearer ${await makeToken({ sub: 'slow', role: 'admin' })}` }
    const slow = await fetch(`${gateway.url}/v1/export?q=large&format=jsonl`, {
      headers,
      signal: controller.signal,
    })
    expect(slow.status).to.equal(200)
    const second = await openExport({ q: 'large' }, 'slow')
    expect(second.status).to.equal(429)
    await second.body?.cancel()
    controller.abort()
    const results = await waitUntil('it is over', async () => {
      const { body } = await get(gateway.url, '/v1/audit', await adminToken())
      const entries = (body as unknown as AuditResponse).entries.filter(({ admin }) => admin === 'slow')
      return entries.length === 2 && entries.map(({ result }) => result)
    })
    expect(results).to.deep.equal(['cancelled', 'begun'])
    const open = await waitUntil('another may begin', async () => {
      const response = await openExport({ q: 'large', format: 'jsonl' }, 'slow')
      return response.status === 200 && response
    })
    const whole = await open.text()
    expect(whole.trim().split('\n')).to.have.length(31)
  })

  it('is for admins', async () => {
    expect((await search({}, await makeToken({ rooms: [{ group: 'lobby' }] }))).status).to.equal(403)
  })
})
