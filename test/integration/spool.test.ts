import { expect } from 'chai'
import { createClient } from 'redis'
import type { StatusResponse } from '../../shared/http-api.ts'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { fairClock } from '../support/fair-clock.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** How long the provider waits for a response. */
const PROVIDER_TIMEOUT_MS = 2_000

interface Readiness {
  readonly ready: boolean
  readonly spool?: { readonly recalls: number; readonly bytes: number; readonly ageMs: number }
}

describe('spool', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer
  let gateway: GatewayProcess
  let client: Client

  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
    const started = await startGatewayProcess({ REDIS_URL: redis.url, ...settings })
    onCleanUp(started.stop)
    return started
  }
  const subscribe = async (to: GatewayProcess): Promise<Client> => {
    const subscriber = await connect(to.url, await adminToken())
    onCleanUp(subscriber.close)
    await subscriber.subscribe({ group: 'g' })
    return subscriber
  }
  const recall = (seq: number, to = gateway) =>
    postWebhook(to.url, { body: recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] }) })
  const readiness = async (of = gateway): Promise<Readiness> =>
    (await (await fetch(`${of.url}/readyz`)).json()) as Readiness

  /** Posts recalls one after the other. Each must be acknowledged before the provider times out. */
  const recallInTime = async (...seqs: number[]) => {
    const fairMs = fairClock(gateway.pid)
    for (const seq of seqs) {
      const sentAtMs = fairMs()
      expect((await recall(seq)).status).to.equal(200)
      expect(fairMs() - sentAtMs).to.be.below(PROVIDER_TIMEOUT_MS)
    }
  }
  const connectAdmin = async () => {
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())
    return (...command: string[]) => admin.sendCommand(command)
  }

  beforeEach(async () => {
    redis = await startRedis()
    onCleanUp(redis.stop)
    gateway = await start()
    client = await subscribe(gateway)
    await recallInTime(1)
    await client.count(1)
  })

  const OUTAGES: Readonly<Record<string, () => Promise<{ begin: () => unknown; end: () => unknown }>>> = {
    async 'is frozen'() {
      return { begin: () => redis.signal('SIGSTOP'), end: () => redis.signal('SIGCONT') }
    },
    async 'is out of memory'() {
      const send = await connectAdmin()
      const limit = (bytes: string) => send('CONFIG', 'SET', 'maxmemory', bytes)
      return { begin: () => limit('1'), end: () => limit('0') }
    },
    async 'is read-only'() {
      const send = await connectAdmin()
      return {
        begin: () => send('CONFIG', 'SET', 'min-replicas-to-write', '1'),
        end: () => send('CONFIG', 'SET', 'min-replicas-to-write', '0'),
      }
    },
  }
  for (const [outage, prepare] of Object.entries(OUTAGES)) {
    it(`stores recalls while Redis ${outage}, and delivers them once and in order afterwards`, async () => {
      const { begin, end } = await prepare()
      await begin()
      await recallInTime(2, 3, 4, 5, 6)
      expect((await readiness()).spool?.recalls).to.equal(5)
      await end()
      await waitUntil('the spool is empty', async () => (await readiness()).spool?.recalls === 0)
      await recallInTime(7)
      await client.count(7)
      expect(client.seqs()).to.deep.equal([1, 2, 3, 4, 5, 6, 7])
      expect(client.gaps).to.be.empty
      const send = await connectAdmin()
      expect(await send('XLEN', `recall-gateway:{${APP}}:log:feed`), 'the log is complete').to.equal(7)
    })
  }

  it('queues new recalls behind the spooled ones', async () => {
    redis.signal('SIGSTOP')
    await recallInTime(2)
    const posts = Promise.all([3, 4, 5, 6, 7, 8].map((seq) => recall(seq)))
    redis.signal('SIGCONT')
    for (const { status } of await posts) expect(status).to.equal(200)
    await client.count(8)
    expect(client.seqs().slice(0, 2)).to.deep.equal([1, 2])
    expect(client.seqs()).to.have.members([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('leaves the way over the disk soon after Redis was late once, under steady load', async () => {
    const receiver = await start({ HISTORY_SIZE: '4000' })
    const spooled = async (): Promise<number> =>
      Number(
        /recalls_kept_total\{where="spool",duplicate="false"\} (\d+)/.exec(
          await (await fetch(`${receiver.url}/metrics`)).text(),
        )?.[1] ?? 0,
      )
    const posts: ReturnType<typeof recall>[] = []
    const startedAtMs = performance.now()
    const timer = setInterval(() => {
      // 100 a second, also on a machine where timers are late.
      while (posts.length < (performance.now() - startedAtMs) / 10)
        posts.push(recall(posts.length + 2, receiver))
    }, 5)
    onCleanUp(() => clearInterval(timer))
    redis.signal('SIGSTOP')
    await waitUntil('recalls are spooled', async () => (await spooled()) > 0)
    redis.signal('SIGCONT')
    const fairMs = fairClock(receiver.pid, gateway.pid)
    const continuedAtMs = fairMs()
    let [before, latest] = [-1, 0]
    while (before !== latest) {
      before = latest
      const sent = posts.length
      await waitUntil('recalls are sent', () => posts.length > sent + 50)
      await posts[sent + 50]
      latest = await spooled()
    }
    // The backlog is smaller than half a log, so it need not wait the 5 s that nodes get to come back.
    expect(fairMs() - continuedAtMs).to.be.below(4_500)
    clearInterval(timer)
    for (const { status } of await Promise.all(posts)) expect(status).to.equal(200)
    const answeredAtMs = fairMs()
    await client.count(posts.length + 1)
    expect(fairMs() - answeredAtMs).to.be.below(3_000)
    expect(new Set(client.seqs()).size).to.equal(posts.length + 1)
    expect(client.gaps).to.be.empty
  })

  it('causes a gap when Redis restarts empty, and every acknowledged recall is in the log', async () => {
    await redis.stop()
    await recallInTime(2, 3)
    const again = await startRedis({ port: redis.port })
    onCleanUp(again.stop)
    await waitUntil('a gap arrives', () => client.gaps.length > 0)
    await waitUntil('the spool is empty', async () => (await readiness()).spool?.recalls === 0)
    const late = await subscribe(gateway)
    const { position } = await late.subscribe({ group: 'g' })
    await late.subscribe({ group: 'g', since: { ...position, offset: 0 } })
    await waitUntil('the history arrives', () => late.received.length >= position.offset)
    expect(late.seqs()).to.include.members([2, 3])
  })

  it('survives kill -9 and a restart while Redis is still down', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const receiver = await start({ ROLE: 'receiver', DATA_DIR: folder.path })
    redis.signal('SIGSTOP')
    expect((await recall(2, receiver)).status).to.equal(200)
    expect((await recall(3, receiver)).status).to.equal(200)
    receiver.signal('SIGKILL')
    await receiver.exited

    const restarted = await start({ ROLE: 'receiver', DATA_DIR: folder.path })
    expect(await readiness(restarted))
      .to.deep.include({ ready: true })
      .and.have.nested.property('spool.recalls', 2)
    expect((await recall(4, restarted)).status).to.equal(200)
    redis.signal('SIGCONT')
    await client.count(4)
    expect(client.seqs()).to.deep.equal([1, 2, 3, 4])
  })

  it('lets a gateway with sockets start while Redis is down, and become ready once Redis is back', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const first = await start({ DATA_DIR: folder.path })
    first.signal('SIGKILL')
    await first.exited
    redis.signal('SIGSTOP')
    const restarted = await start({ DATA_DIR: folder.path })
    expect(await readiness(restarted)).to.include({ ready: false })
    redis.signal('SIGCONT')
    await waitUntil('the gateway is ready', async () => (await readiness(restarted)).ready)
    const late = await subscribe(restarted)
    await recallInTime(2)
    await late.count(1)
  })

  it('does not delay a stop, and is published after the next start', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const receiver = await start({ ROLE: 'receiver', DATA_DIR: folder.path })
    redis.signal('SIGSTOP')
    expect((await recall(2, receiver)).status).to.equal(200)
    receiver.signal('SIGTERM')
    expect(await withTimeout('the receiver exits', receiver.exited)).to.equal(0)
    redis.signal('SIGCONT')
    await start({ ROLE: 'receiver', DATA_DIR: folder.path })
    await client.count(2)
  })

  it('causes 503 when it is full, only after the provider has timed out, and never a false OK', async () => {
    const receiver = await start({ ROLE: 'receiver', SPOOL_MAX_BYTES: '1000' })
    redis.signal('SIGSTOP')
    // Tests prove nothing of the provider's webhooks, but that there is no room any more.
    const test = (seq: number) =>
      postWebhook(receiver.url, {
        body: recallBody({ GroupId: 'tested', MsgSeqList: [{ MsgSeq: seq }] }),
        headers: { 'X-Recall-Gateway-Call': 'own' },
      })
    for (let seq = 1; (await test(seq)).status === 200; seq++) continue
    const problems = async () => {
      const { body } = await get(receiver.url, '/v1/status', await adminToken())
      return (body as unknown as StatusResponse).problems.map(({ code }) => code)
    }
    expect(await problems())
      .to.include('SPOOL_FULL')
      .and.not.include('WEBHOOKS_FAILED')
    redis.signal('SIGCONT')
    await waitUntil('there is room', async () => (await readiness(receiver)).spool?.recalls === 0)
    expect(await problems()).to.not.include('SPOOL_FULL')
    redis.signal('SIGSTOP')
    const acknowledged: number[] = []
    let refused = 0
    for (let seq = 2; refused === 0; seq++) {
      const sentAtMs = Date.now()
      const { status } = await recall(seq, receiver)
      if (status === 200) acknowledged.push(seq)
      else {
        refused++
        expect(status).to.equal(503)
        expect(Date.now() - sentAtMs).to.be.above(PROVIDER_TIMEOUT_MS)
      }
    }
    redis.signal('SIGCONT')
    await client.count(1 + acknowledged.length)
    expect(client.seqs()).to.deep.equal([1, ...acknowledged])
  })
})
