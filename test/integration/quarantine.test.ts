import { expect } from 'chai'
import { createClient } from 'redis'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { headerOf, startBackend } from '../support/backend-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP, runGateway, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { startFakeServer } from '../support/fake-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

/** All that the gateway uses, except the keys of groups with other names. */
const GOOD_KEYS = [
  `~recall-gateway:{${APP}}:*:group:good*`,
  `~recall-gateway:{${APP}}:*:feed`,
  `~recall-gateway:{${APP}}:[^hlr]*`,
]

describe('quarantine', () => {
  const onCleanUp = cleanUpAfterEach()
  let dataDir: string
  let gateway: GatewayProcess
  let client: Client

  const start = async (settings: Readonly<Record<string, string>> = {}) => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    dataDir = folder.path
    gateway = await startGatewayProcess({ DATA_DIR: dataDir, ...settings })
    onCleanUp(gateway.stop)
    client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ feed: true })
  }
  const run = async (...parameters: string[]) => {
    const settings = { DATA_DIR: dataDir, SDK_APP_ID: APP, WEBHOOK_TOKEN }
    const { exited, output } = runGateway(['quarantine', ...parameters], settings)
    return {
      code: await exited,
      lines: output()
        .split('\n')
        .filter((line) => line !== ''),
    }
  }
  const entries = async () =>
    (await run('show')).lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  const retry = () => run('retry', '--url', `${gateway.url}/webhook`)
  const quarantined = async (): Promise<unknown> => {
    const health = (await (await fetch(`${gateway.url}/readyz`)).json()) as {
      quarantine?: { requests: number }
    }
    return health.quarantine?.requests
  }
  const recall = (group: string, seq: number) =>
    postWebhook(gateway.url, { body: recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] }) })

  it('gets the whole webhook of which only a part was clear, and the part is delivered', async () => {
    await start()
    const body = recallBody({
      Operator_Account: ['x'],
      MsgSeqList: [{ MsgSeq: 1 }, { MsgId: 'a' }, { MsgSeq: 2 }],
    })
    expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
    await client.count(1)
    expect(client.received[0]?.notice.messages).to.deep.equal([{ seq: 1 }, { seq: 2 }])
    const [entry] = await entries()
    expect(entry?.['body']).to.equal(JSON.stringify(body))
    expect(entry?.['reason']).to.match(
      /^delivered without what was not understood: .*"MsgSeqList\[1\]\.MsgSeq".*"Operator_Account"/,
    )
    await waitUntil('it is logged', () => gateway.output().includes('webhook not understood'))
    expect(await quarantined()).to.equal(1)
  })

  it('gets text in another encoding unchanged, and nothing is delivered under another name', async () => {
    await start()
    const gbk = Buffer.from(
      JSON.stringify(recallBody({ GroupId: '????' })).replace('????', '\xc8\xba\xd7\xe9'),
      'latin1',
    )
    const post = (body: Buffer | string, headers = {}) =>
      fetch(`${gateway.url}/webhook?${new URLSearchParams(signedQuery()).toString()}`, {
        method: 'POST',
        body,
        headers,
      })
    const refused = await post(gbk)
    expect(refused.status).to.equal(400)
    expect(await refused.text()).to.include('not valid UTF-8')
    const utf8 = JSON.stringify(recallBody({ GroupId: '群组' }))
    const labelled = await post(utf8, { 'content-type': 'application/json; charset=gbk' })
    expect(await labelled.text()).to.include('charset')
    expect(
      (await post(`\uFEFF${utf8}`, { 'content-type': 'application/json; charset="UTF-8"' })).status,
    ).to.equal(200)
    const [entry, other] = await entries()
    expect(Buffer.from(String(entry?.['bodyBase64']), 'base64').equals(gbk)).to.equal(true)
    expect(other?.['body']).to.equal(utf8)
    // Nor by a retry, which has the same Content-Type.
    expect((await retry()).code).to.equal(1)
    expect(await entries()).to.have.length(2)
    await client.count(1)
    expect(client.received[0]?.notice.group).to.equal('群组')
  })

  it('gets what is no recall and not understood, which is answered with OK all the same', async () => {
    await start()
    const query = signedQuery('Group.CallbackAfterSendMsg')
    for (const body of ['', 'no json', '[]', '{}'])
      expect((await postWebhook(gateway.url, { query, body })).status, body).to.equal(200)
    expect(await entries()).to.have.length(4)
    expect((await postWebhook(gateway.url, { body: '' })).status).to.equal(400)
  })

  it('keeps a recall once that is not understood, however often it is retried', async () => {
    await start()
    expect((await postWebhook(gateway.url, { body: '' })).status).to.equal(400)
    const before = await entries()
    expect(before).to.have.length(1)
    for (let i = 0; i < 2; i++) expect((await retry()).code).to.equal(1)
    expect(await entries()).to.deep.equal(before)
    expect(await quarantined()).to.equal(1)
    // Whatever a page behind a wrong address says, no receiver has it.
    const page = await startFakeServer(() => ({ body: '<h1>Welcome</h1>' }))
    onCleanUp(page.stop)
    expect((await run('retry', '--url', page.url)).code).to.equal(1)
    expect(page.requests).to.have.length(1)
    expect(await entries()).to.deep.equal(before)
  })

  it('loses what is removed by its id, and nothing else', async () => {
    await start()
    for (const body of ['', 'no json', '[]']) await postWebhook(gateway.url, { body })
    const [first] = await entries()
    const id = String(first?.['id'])
    expect(id).to.match(/^[0-9a-f-]{36}-1$/)
    const { code, lines } = await run('drop', id, '3', '7')
    expect(code).to.equal(1)
    expect(lines.slice(0, 2)).to.deep.equal([`${id} dropped`, `${id.slice(0, -1)}3 dropped`])
    expect(lines[2]).to.include('NOT_IN_QUARANTINE').and.match(/: 7$/)
    expect((await entries()).map((entry) => entry['id'])).to.deep.equal([`${id.slice(0, -1)}2`])
    await waitUntil('the gateway knows', async () => (await quarantined()) === 1)
  })

  it('is listed without bodies, shown with them, and selected by kind, reason, command and id', async () => {
    await start()
    for (const body of ['no json', '[]']) await postWebhook(gateway.url, { body })
    await postWebhook(gateway.url, { query: signedQuery('Group.CallbackAfterSendMsg'), body: '{}' })
    const reasons = async (...parameters: string[]) =>
      (await run('list', ...parameters)).lines.map(
        (line) => (JSON.parse(line) as { reason: string }).reason.split(': ')[1],
      )
    expect(await reasons('--reason', 'not a JSON object')).to.have.length(1)
    expect(await reasons('--command', 'Group.CallbackAfterSendMsg')).to.have.length(1)
    expect(await reasons('--kind', 'webhook', '1', '2', '--reason', 'is not JSON')).to.have.length(1)
    const { lines } = await run('list', '1')
    expect(lines[0]).to.include('"bytes":7').and.not.include('no json')
    expect((await run('show', '1')).lines[0])
      .to.include('"body":"no json"')
      .and.not.include('Sign=')
    for (const parameters of [['drop'], ['list', 'x']])
      expect((await run(...parameters)).code, parameters.join(' ')).to.equal(1)
    expect((await run('drop', '--reason', 'JSON')).lines).to.have.length(2)
    await waitUntil('the gateway knows', async () => (await quarantined()) === 1)
    // A process for each call of the command.
  })

  /** Starts a gateway whose backend fails, and sends it a message and a recall, which wait for the backend. */
  async function relayTwo(settings: Readonly<Record<string, string>> = {}) {
    const after = 'Group.CallbackAfterSendMsg'
    const backend = await startBackend({ token: WEBHOOK_TOKEN })
    onCleanUp(backend.stop)
    await backend.behave({ kind: 'answer', status: 500 })
    await start({ RELAY_URL: backend.url, RELAY_FALLBACK: 'allow', ...settings })
    const body = { CallbackCommand: after, GroupId: 'a' }
    expect((await postWebhook(gateway.url, { query: signedQuery(after), body })).status).to.equal(200)
    expect((await recall('b', 1)).status).to.equal(200)
    return { backend, after }
  }

  it('gets what the backend has not taken for RELAY_RETRY_FOR_S', async () => {
    await relayTwo({ RELAY_RETRY_FOR_S: '1' })
    await waitUntil('both are given up', async () => (await quarantined()) === 2)
    for (const { kind, reason } of await entries()) {
      expect(kind).to.equal('relay')
      expect(reason).to.match(/^not delivered for 1 s \(RELAY_RETRY_FOR_S\)/)
    }
  })

  it('sends what the relay gave up to the backend again, marked, recalls included', async () => {
    const { backend, after } = await relayTwo()
    await client.count(1)
    // It refuses both for good: with a short RELAY_RETRY_FOR_S, they might be given up once more when they are retried.
    await backend.behave({ kind: 'answer', status: 404 })
    await waitUntil('both are given up', async () => (await quarantined()) === 2)
    await backend.behave({ kind: 'answer' })
    const before = backend.received().length
    expect(await retry()).to.include({ code: 0 })
    const all = await backend.waitFor('both', ({ length }) => length === before + 2)
    const again = all.slice(before)
    expect(again.map(({ command }) => command).toSorted()).to.deep.equal([
      'Group.CallbackAfterRecallMsg',
      after,
    ])
    for (const received of again)
      expect(Number(headerOf(received, 'Recall-Gateway-Attempt'))).to.be.at.least(2)
    expect(await entries()).to.be.empty
    // The gateway told of the recall when it came.
    expect(client.received).to.have.length(1)
  })

  /** Starts a gateway whose Redis refuses the keys of every group that is not good, until `allowAll` is called. */
  async function startWithRefusedKeys() {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())
    await start({ REDIS_URL: redis.url })
    await admin.sendCommand(['ACL', 'SETUSER', 'default', 'resetkeys', ...GOOD_KEYS])
    return { allowAll: () => admin.sendCommand(['ACL', 'SETUSER', 'default', 'allkeys']) }
  }

  it('gets a recall that Redis refuses while it stores others, and can retry it', async () => {
    const { allowAll } = await startWithRefusedKeys()

    expect((await recall('bad', 1)).status).to.equal(200)
    expect((await recall('bad', 2)).status).to.equal(200)
    let sent = 0
    await waitUntil(
      'both are set aside',
      async () => {
        expect((await recall(`good${sent % 3}`, ++sent)).status).to.equal(200)
        return (await quarantined()) === 2
      },
      30_000,
    )
    // The others were not held up.
    await client.count(sent)
    expect(client.received.map(({ notice }) => notice.group)).to.not.include('bad')
    expect(gateway.output()).to.include('recall set aside in the quarantine').and.include('NOPERM')
    const [entry] = await entries()
    expect(entry?.['reason']).to.include('NOPERM')

    await allowAll()
    expect(await retry()).to.include({ code: 0 })
    await client.count(sent + 2)
    expect(client.received.slice(-2).map(({ notice }) => notice.group)).to.deep.equal(['bad', 'bad'])
    expect(await entries()).to.be.empty
  })

  it('is not needed for recalls that go to Redis together with one that it refuses', async () => {
    const { allowAll } = await startWithRefusedKeys()
    const seqs = Array.from({ length: 32 }, (_, i) => i + 1)
    const sent = await Promise.all(
      seqs.map((seq) => recall(seq % 4 === 0 ? `bad${seq % 3}` : `good${seq % 5}`, seq)),
    )
    expect(new Set(sent.map(({ status }) => status))).to.deep.equal(new Set([200]))
    await client.count(24)
    // The retries came later than others of the same batch, which is no rollback.
    expect(gateway.output()).to.not.include('lost confirmed recalls')
    await allowAll()
    await client.count(32)
    expect(await quarantined()).to.equal(0)
  })

  it('does not get recalls that an unavailable Redis refuses', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())
    await start({ REDIS_URL: redis.url })
    const refusals = async (): Promise<number> =>
      Number(/errorstat_OOM:count=(\d+)/.exec(await admin.info('errorstats'))?.[1] ?? 0)
    await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '1'])
    for (const seq of [1, 2, 3, 4]) expect((await recall(`group${seq}`, seq)).status).to.equal(200)
    await waitUntil('it was refused often', async () => (await refusals()) >= 15)
    expect(await quarantined()).to.equal(0)
    await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '0'])
    await client.count(4)
  })
})
