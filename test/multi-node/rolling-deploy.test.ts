import { expect } from 'chai'
import { Recorder } from '../chaos/recorder.ts'
import { createSender } from '../chaos/sender.ts'
import { adminToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startHostProxy } from '../support/host-proxy.ts'
import type { HostProxy } from '../support/host-proxy.ts'
import { eventsOf, isLive, openClient, recorder } from '../support/recall-client.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { watchProcessorWaits } from '../support/processor-waits.ts'
import { openResumingSubscriber } from '../support/resuming-subscriber.ts'
import type { ResumingSubscriber } from '../support/resuming-subscriber.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const SOCKETS = 2_000
const GROUPS = Array.from({ length: 20 }, (_, i) => `rolled-${i}`)
const PER_SECOND = 40
/** Sockets that connect at a time. */
const MAX_CONCURRENT = 100
/** Beyond what the goodbye announced. */
const LATE_MS = 2_000
const CLIENTS = 5

describe('a deployment that is updated process by process, behind HAProxy', () => {
  let redis: RedisServer
  let proxy: HostProxy
  const folders = Array.from({ length: 5 }, () => temporaryFolder())
  /** Two receivers, then three nodes. */
  const processes: GatewayProcess[] = []
  const subscribers: ResumingSubscriber[] = []
  const clients: ReturnType<typeof openClient>[] = []
  const recorded = new Recorder()

  const start = (index: number, PORT = '0'): Promise<GatewayProcess> =>
    startGatewayProcess({
      ROLE: index < 2 ? 'receiver' : 'node',
      REDIS_URL: redis.url,
      PORT,
      DATA_DIR: folders[index]?.path ?? '',
      TRUST_PROXY: 'loopback',
      MAX_SOCKETS_PER_ADDRESS: String(2 * SOCKETS),
      // The default.
      DRAIN_MS: '5000',
    })

  before(async () => {
    redis = await startRedis()
    processes.push(...(await Promise.all(folders.map((_, index) => start(index)))))
    const ports = processes.map(({ port }) => port)
    proxy = await startHostProxy('HAProxy', {
      receivers: ports.slice(0, 2),
      nodes: ports.slice(2),
      maxSockets: 2 * SOCKETS,
    })
    const token = await adminToken()
    const port = Number(new URL(proxy.plainUrl).port)
    for (let opened = 0; opened < SOCKETS; opened += MAX_CONCURRENT)
      subscribers.push(
        ...(await Promise.all(
          Array.from({ length: MAX_CONCURRENT }, (_, i) =>
            openResumingSubscriber({ port, token, group: GROUPS[(opened + i) % GROUPS.length] ?? '' }),
          ),
        )),
      )
  })

  after(async () => {
    for (const one of [...subscribers, ...clients]) one.close()
    await proxy.stop()
    await Promise.all(processes.map((process) => process.stop()))
    await redis.stop()
    for (const folder of folders) folder.remove()
  })

  /** As `systemctl restart`, or a rolling update, does. Resolves once the new process is ready. */
  async function replace(index: number): Promise<number | NodeJS.Signals> {
    const old = processes[index]
    if (old === undefined) throw new Error(`there is no process ${index}`)
    old.signal('SIGTERM')
    const code = await old.exited
    const fresh = await start(index, String(old.port))
    processes[index] = fresh
    await waitUntil('the new process is ready', async () => (await fetch(`${fresh.url}/readyz`)).ok)
    return code
  }

  it('loses nothing, tells nothing twice, and keeps nobody away for longer than it announced and 2 s', async () => {
    const followed = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, i) => {
        const client = openClient(proxy.plainUrl)
        clients.push(client)
        const heard = recorder()
        client.subscribe({ group: GROUPS[i] ?? '' }, heard.listener)
        await isLive(client)
        return { group: GROUPS[i], seqs: heard.seqs, gaps: eventsOf(client, 'gap') }
      }),
    )
    const sender = createSender({ urls: [proxy.plainUrl], groups: GROUPS, recorder: recorded })
    const sending = sender.start(PER_SECOND)
    const waits = watchProcessorWaits(() => processes.map(({ pid }) => pid))
    const codes: unknown[] = []
    // A receiver and a node at a time, as they are of two sets.
    for (const indices of [[0, 2], [1, 3], [4]]) codes.push(...(await Promise.all(indices.map(replace))))
    await waitUntil('all are back', () => subscribers.every(({ isSubscribed }) => isSubscribed()))
    await sending.stop()
    waits.stop()
    expect(codes).to.deep.equal([0, 0, 0, 0, 0])

    const refused = recorded.recalls.filter(({ status }) => status !== 200)
    expect(refused, 'webhooks that were not answered OK').to.deep.equal([])
    const sentIn = (group: string | undefined): number[] =>
      recorded.recalls.filter((recall) => recall.group === group).map(({ seq }) => seq)
    const expected = new Map(GROUPS.map((group) => [group, sentIn(group).toSorted((a, b) => a - b)]))
    const listeners = [...subscribers, ...followed]
    const isComplete = (): boolean =>
      listeners.every(({ group = '', seqs }) => seqs.length >= (expected.get(group)?.length ?? 0))
    await waitUntil('everything is delivered', isComplete).catch(() => undefined)
    for (const { group = '', seqs } of listeners)
      expect(seqs.toSorted((a, b) => a - b)).to.deep.equal(expected.get(group))
    expect(subscribers.filter(({ gaps }) => gaps() > 0)).to.deep.equal([])
    expect(followed.flatMap(({ gaps }) => gaps)).to.deep.equal([])

    const absences = subscribers.flatMap((subscriber) => subscriber.absences)
    // Each node sends all of its sockets away.
    expect(absences.length).to.be.at.least(SOCKETS)
    // One that is cut off while it is being told may have heard nothing.
    expect(absences.filter(({ announcedMs }) => announcedMs === undefined).length).to.be.below(SOCKETS / 100)
    const tooLong = absences.filter(({ announcedMs = 0, fromMs, toMs }) => {
      return toMs - fromMs > announcedMs + LATE_MS + waits.between(fromMs, toMs)
    })
    expect(tooLong).to.deep.equal([])
  })
})
