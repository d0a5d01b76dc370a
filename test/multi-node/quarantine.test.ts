import { expect } from 'chai'
import { pino } from 'pino'
import { createClient } from 'redis'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { encodeHeartbeat } from '../../server/telemetry/heartbeat-state.ts'
import type { QuarantineRetriesResponse } from '../../shared/http-api/quarantine.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import { folderWithQuarantine, quarantinedRecall, quarantineRequest } from '../support/quarantine.ts'
import { IDLE_RECEIVER } from '../support/heartbeat.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook } from '../support/webhook.ts'

/** Receivers cannot check tokens, and serve no API: admins talk to the node. */
const RECEIVER = { ROLE: 'receiver', JWT_SECRET: '' }
const KEY = 'k'.repeat(32)

describe('the quarantines of all receivers', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: Awaited<ReturnType<typeof startRedis>>
  beforeEach(async () => {
    redis = await startRedis()
    onCleanUp(redis.stop)
  })

  const startNode = async (settings = {}) => {
    const node = await startGatewayProcess({
      ROLE: 'node',
      WEBHOOK_TOKEN: '',
      REDIS_URL: redis.url,
      ...settings,
    })
    onCleanUp(node.stop)
    return node
  }
  const startReceiver = async (dataDir: string, settings = {}) => {
    const receiver = await startGatewayProcess({
      ...RECEIVER,
      REDIS_URL: redis.url,
      DATA_DIR: dataDir,
      ...settings,
    })
    onCleanUp(receiver.stop)
    return receiver
  }
  type Fill = Parameters<typeof folderWithQuarantine>[0]
  /** Starts a receiver whose quarantine is filled. */
  const receiverWith = async (fill: Fill, settings = {}) => {
    const folder = await folderWithQuarantine(fill)
    onCleanUp(folder.remove)
    return { folder: folder.path, ...(await startReceiver(folder.path, settings)) }
  }
  const list = async (url: string, query = '') => (await quarantineRequest<'GET '>(url, 'GET', query)).body
  /** Resolves once the node knows of so many receivers that answer. */
  const known = (url: string, receivers: number) =>
    waitUntil(`${receivers} receivers answer`, async () => {
      const { receivers: all } = await list(url)
      return all.filter(({ answered }) => answered).length === receivers
    })

  it('are one list at a node, whose entries are shown, retried and dropped there', async () => {
    const odd = Buffer.from([0xff, 0x7b, 0])
    const one = await receiverWith(async (quarantine) => {
      await quarantine.addRecall(quarantinedRecall(1))
      await quarantine.addRotten(odd, 'rotten on disk')
    })
    await receiverWith(async (quarantine) => {
      for (const seq of [3, 4, 5]) await quarantine.addRecall(quarantinedRecall(seq))
    })
    // Newer and older than all of the other receiver.
    expect((await postWebhook(one.url, { body: 'no json' })).status).to.equal(400)
    const node = await startNode()
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ feed: true })
    await known(node.url, 2)

    const all = await list(node.url)
    expect(all.entries.map(({ kind }) => kind).toSorted()).to.deep.equal([
      ...Array.from({ length: 4 }, () => 'recall'),
      'rotten',
      'webhook',
    ])
    const times = all.entries.map(({ quarantinedAtMs }) => quarantinedAtMs)
    expect(times).to.deep.equal(times.toSorted((a, b) => b - a))
    const pages: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const page = await list(node.url, `?order=oldest&limit=4&cursor=${cursor}`)
      pages.push(...page.entries.map(({ id }) => id))
      ;({ cursor } = page)
    }
    expect(pages).to.deep.equal(all.entries.map(({ id }) => id).toReversed())
    expect((await list(node.url, '?kind=webhook&reason=not+JSON')).entries).to.have.length(1)
    expect((await list(node.url, '?reason=nothing+like+it')).entries).to.be.empty

    const idOf = (kind: string) => all.entries.find((entry) => entry.kind === kind)?.id ?? ''
    const shown = await quarantineRequest<'GET id'>(node.url, 'GET', `/${idOf('rotten')}`)
    expect(shown.body.entry).to.include({ bodyBase64: odd.toString('base64'), bytes: 3 })
    const webhook = await quarantineRequest<'GET id'>(node.url, 'GET', `/${idOf('webhook')}`)
    expect(webhook.body.entry).to.include({ body: 'no json', command: 'Group.CallbackAfterRecallMsg' })

    const refused = await quarantineRequest(node.url, 'POST', `/${idOf('webhook')}/retry`)
    expect(refused.body).to.deep.include({ ok: true, accepted: false })
    const again = await quarantineRequest<'GET id'>(node.url, 'GET', `/${idOf('webhook')}`)
    expect(again.body.entry.reason).to.include('not JSON')

    // Two admins at once: it is done once, and both are told so.
    const twice = await Promise.all(
      [1, 2].map(() => quarantineRequest(node.url, 'POST', `/${idOf('recall')}/retry`)),
    )
    for (const { body } of twice)
      if (body.code === undefined) expect(body).to.deep.equal({ ok: true, accepted: true })
      else expect(body.code).to.equal('NOT_IN_QUARANTINE')
    await client.count(1)
    const rest = await quarantineRequest<'POST retry'>(node.url, 'POST', '/retry?kind=recall')
    expect(rest.body).to.deep.equal({ ok: true, accepted: 3, refused: 0, unanswered: [] })
    await client.count(4)
    expect((await quarantineRequest(node.url, 'GET', `/${idOf('recall')}`)).body.code).to.equal(
      'NOT_IN_QUARANTINE',
    )

    expect((await quarantineRequest(node.url, 'DELETE', `/${idOf('rotten')}`)).body).to.deep.equal({
      ok: true,
      dropped: 1,
    })
    const dropped = await quarantineRequest<'DELETE '>(node.url, 'DELETE', '?reason=JSON')
    expect(dropped.body).to.deep.equal({ ok: true, dropped: 1, unanswered: [] })
    const empty = await list(node.url)
    expect(empty.entries).to.be.empty
    expect(empty.receivers.map((receiver) => 'entries' in receiver && receiver.entries)).to.deep.equal([0, 0])
    expect(node.output()).to.include('"action":"quarantine retry"').and.include('"admin":"admin-1"')
    expect(node.output() + one.output()).to.not.include('no json')
  })

  it('are for admins alone, and nothing is retried or dropped without a filter', async () => {
    const node = await startNode()
    const member = await makeToken({ rooms: [{ group: 'g' }] })
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/1'],
      ['POST', '/1/retry'],
      ['POST', '/retry?reason=a'],
      ['DELETE', '/1'],
      ['DELETE', '?reason=a'],
    ] as const)
      expect((await quarantineRequest(node.url, method, path, member)).body.code).to.equal('ADMIN_NEEDED')
    for (const [method, path] of [
      ['POST', '/retry'],
      ['DELETE', ''],
      ['GET', '?kind=other'],
      ['GET', '?cursor=1'],
      ['GET', '?limit=101'],
    ] as const)
      expect((await quarantineRequest(node.url, method, path)).body.code, path).to.equal('REQUEST_MALFORMED')
    for (const id of ['1', '..%2Fx', `${'0'.repeat(36)}-1x`])
      expect((await quarantineRequest(node.url, 'GET', `/${id}`)).body.code).to.equal('NOT_IN_QUARANTINE')
    expect((await quarantineRequest(node.url, 'GET', `/${'0'.repeat(36)}-1`)).body.code).to.equal(
      'PROCESS_UNREACHABLE',
    )
  })

  it('are listed without that of a receiver which is frozen, and that is said, in time', async () => {
    const fill: Fill = (quarantine) => quarantine.addRecall(quarantinedRecall(1))
    const frozen = await receiverWith(fill)
    await receiverWith(fill)
    const node = await startNode()
    await known(node.url, 2)
    frozen.signal('SIGSTOP')
    onCleanUp(async () => frozen.signal('SIGCONT'))
    const fairMs = fairClock(node.pid)
    const startMs = fairMs()
    const { entries, receivers } = await list(node.url)
    expect(fairMs() - startMs).to.be.below(6_000)
    expect(entries).to.have.length(1)
    const silent = receivers.find(({ answered }) => !answered)
    expect(silent).to.have.property('why').that.includes('no answer within 2 s')
    const silentFolders: string[] = []
    let accepted = 0
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const path: string = `/retry?kind=recall&cursor=${cursor}`
      const { body }: { body: QuarantineRetriesResponse } = await quarantineRequest<'POST retry'>(
        node.url,
        'POST',
        path,
      )
      accepted += body.accepted
      silentFolders.push(...body.unanswered.map(({ folder }) => folder))
      ;({ cursor } = body)
    }
    expect(accepted).to.equal(1)
    expect(silentFolders).to.deep.equal([silent?.folder])
    frozen.signal('SIGCONT')
    await known(node.url, 2)
    // What it was asked while it was frozen, it may have done since.
    await waitUntil('all is retried', async () => {
      await quarantineRequest(node.url, 'POST', '/retry?kind=recall')
      return (await list(node.url)).entries.length === 0
    })
    frozen.signal('SIGKILL')
  })

  it('of a receiver of an earlier version are said to be missing: it does not answer', async () => {
    const node = await startNode()
    const options = { historySize: 10, historyTtlS: 60, url: redis.url, prefix: 'recall-gateway', app: APP }
    const earlier = createRedisBroker(options, { log: pino({ level: 'silent' }) })
    await earlier.start()
    onCleanUp(() => earlier.stop())
    const state = { ...IDLE_RECEIVER, dataFolder: '0'.repeat(36), quarantined: 1 }
    const [receiver] = await waitUntil('it is known', async () => {
      await earlier.heartbeat('earlier', encodeHeartbeat(state))
      const { receivers } = await list(node.url)
      return receivers.some((one) => !one.answered && one.why.includes('of an earlier version')) && receivers
    })
    expect(receiver).to.include({ folder: state.dataFolder, answered: false })
    expect(receiver).to.have.property('why').that.includes('of an earlier version')
  })

  it('show the beginning of an entry that is larger than any webhook', async () => {
    await receiverWith((quarantine) => quarantine.addRotten(Buffer.alloc(2 ** 21, 0xff), 'rotten'))
    const node = await startNode()
    await known(node.url, 1)
    const [entry] = (await list(node.url)).entries
    expect(entry).to.include({ bytes: 2 ** 21 })
    const shown = await quarantineRequest<'GET id'>(node.url, 'GET', `/${entry?.id}`)
    const { bodyBase64 = '' } = shown.body.entry
    expect(Buffer.from(bodyBase64, 'base64')).to.have.length(2 ** 19)
  })

  it('are said to be out of reach where a process is gone that held something', async () => {
    const gone = await receiverWith((quarantine) => quarantine.addRecall(quarantinedRecall(1)))
    const node = await startNode()
    await known(node.url, 1)
    gone.signal('SIGTERM')
    await gone.exited
    await waitUntil('it is said', async () => {
      const [receiver] = (await list(node.url)).receivers
      return receiver?.answered === false && receiver.why.includes('held 1')
    })
  })

  it('do not obey who has no signing key', async () => {
    const receiver = await receiverWith((quarantine) => quarantine.addRecall(quarantinedRecall(1)), {
      REDIS_SIGNING_KEY: KEY,
    })
    const node = await startNode({ REDIS_SIGNING_KEY: KEY })
    await known(node.url, 1)
    const attacker = await createClient({ url: redis.url }).connect()
    onCleanUp(() => attacker.destroy())
    const channels = (await attacker.sendCommand([
      'PUBSUB',
      'SHARDCHANNELS',
      '*questions:quarantine:*',
    ])) as unknown as string[]
    expect(channels).to.have.length(1)
    const [channel = ''] = channels
    const question = JSON.stringify({
      v: 2,
      id: crypto.randomUUID(),
      from: crypto.randomUUID(),
      to: channel.slice(channel.indexOf('questions:') + 'questions:'.length),
      askedAtMs: Date.now(),
      text: JSON.stringify({ ask: 'drop', id: 1 }),
    })
    await attacker.sendCommand(['SPUBLISH', channel, question])
    await attacker.sendCommand(['SPUBLISH', channel, `${'0'.repeat(64)}::${question}`])
    await waitUntil('they are refused', () => receiver.output().split('no gateway has signed').length === 3)
    expect((await list(node.url)).entries).to.have.length(1)
    // Without the key, and in the same words, it is done: the question was right.
    const { stop, folder } = receiver
    receiver.signal('SIGTERM')
    await receiver.exited
    const trusting = await startReceiver(folder)
    await waitUntil('it is dropped', async () => {
      const fresh = {
        ...(JSON.parse(question) as object),
        id: crypto.randomUUID(),
        askedAtMs: Date.now(),
      }
      await attacker.sendCommand(['SPUBLISH', channel, JSON.stringify(fresh)])
      const ready = (await (await fetch(`${trusting.url}/readyz`)).json()) as {
        quarantine?: { requests: number }
      }
      return ready.quarantine?.requests === 0
    })
    await stop()
  })

  it('keep an entry whose receiver is killed during the retry, and its recall is told once', async () => {
    const receiver = await receiverWith((quarantine) => quarantine.addRecall(quarantinedRecall(7)))
    const node = await startNode()
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ feed: true })
    await known(node.url, 1)
    const [{ id } = { id: '' }] = (await list(node.url)).entries
    // Before, while or after it is retried.
    const retrying = quarantineRequest(node.url, 'POST', `/${id}/retry`)
    receiver.signal('SIGKILL')
    const { body, status } = await retrying
    if (status !== 200) expect(body.code).to.equal('PROCESS_UNREACHABLE')
    await receiver.exited
    await startReceiver(receiver.folder)
    await known(node.url, 1)
    const { entries } = await list(node.url)
    for (const entry of entries) {
      expect(entry.id).to.equal(id)
      expect((await quarantineRequest(node.url, 'POST', `/${id}/retry`)).body).to.include({ accepted: true })
    }
    await client.count(1)
    expect((await list(node.url)).entries).to.be.empty
    expect(client.received).to.have.length(1)
  })
})
