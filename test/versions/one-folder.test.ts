import { expect } from 'chai'
import { audit } from '../chaos/audit.ts'
import { startListener } from '../chaos/listener.ts'
import { Recorder } from '../chaos/recorder.ts'
import { createSender } from '../chaos/sender.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { freePort } from '../support/free-port.ts'
import { runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'
import { describeBesideLastRelease } from './beside-last-release.ts'
import type { Version } from './beside-last-release.ts'

const GROUP = 'g'
const RECALLS = 100
const TRAFFIC_PER_SECOND = 200
/** Generous, because several gateways start at the same time on busy machines. */
const ARRIVAL_TIMEOUT_MS = 30_000
const NOTHING_LOST = { lost: 0, duplicated: 0, redelivered: 0, outOfOrder: 0, gaps: 0 }

describeBesideLastRelease('this version and the last release on one data folder', (mainOf) => {
  const onCleanUp = cleanUpAfterEach()

  /** One gateway at a time, of either version, always on the same port and folder; and a listener that resumes there. */
  async function onOneFolder(settings: Readonly<Record<string, string>> = {}) {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const recorder = new Recorder()
    const token = await adminToken()
    let gateway: GatewayProcess | undefined
    onCleanUp(() => gateway?.stop())
    return {
      url,
      token,
      dataDir: folder.path,
      output: () => gateway?.output() ?? '',
      async start(version: Version): Promise<void> {
        const all = { ...settings, DATA_DIR: folder.path, PORT: String(port) }
        gateway = await startGatewayProcess(all, ['start'], mainOf(version))
      },
      async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
        gateway?.signal(signal)
        await gateway?.exited
      },
      async listen(nodeUrl = url): Promise<void> {
        const room = { group: GROUP }
        const listener = await startListener({
          urls: [nodeUrl],
          room,
          token,
          record: recorder.addListener(room),
        })
        onCleanUp(listener.close)
      },
      async send(count: number): Promise<void> {
        const sender = createSender({ urls: [url], groups: [GROUP], recorder })
        const kept = await Promise.all(Array.from({ length: count }, () => sender.send()))
        expect(kept).to.not.include(false)
      },
      /** Sends on while `change` lasts, also to a process that ends. Who gets no answer may have been heard all the same. */
      async amidTraffic(change: () => Promise<void>): Promise<void> {
        const traffic = createSender({ urls: [url], groups: [GROUP], recorder }).start(TRAFFIC_PER_SECOND)
        const confirmed = recorder.recalls.length
        await waitUntil('recalls are confirmed', () =>
          recorder.recalls.slice(confirmed).some(({ status }) => status === 200),
        )
        await change()
        await traffic.stop()
      },
      /** Resolves once every recall that was confirmed has arrived, and one more, or it is clear that some will not. */
      async arrived() {
        const [listener] = recorder.listeners
        const isTold = (): boolean => {
          const told = new Set(
            listener?.events.flatMap((event) => (event.kind === 'notice' ? event.seqs : [])),
          )
          return recorder.recalls.every(({ seq, status }) => status !== 200 || told.has(seq))
        }
        await waitUntil('all arrive', isTold, ARRIVAL_TIMEOUT_MS).catch(() => undefined)
        // What was told twice came before it.
        await this.send(1)
        await waitUntil('the last one arrives', isTold, ARRIVAL_TIMEOUT_MS).catch(() => undefined)
        const { lost, duplicated, redelivered, outOfOrder, gaps } = audit(
          recorder.recalls,
          recorder.listeners,
        )
        return { lost, duplicated, redelivered, outOfOrder, gaps }
      },
      /** Returns how many of the confirmed recalls are not known as recalled. */
      async unknown(nodeUrl = url): Promise<number> {
        const confirmed = recorder.recalls.filter(({ status }) => status === 200).map(({ seq }) => seq)
        let known = 0
        for (let from = 0; from < confirmed.length; from += 1_000) {
          const seqs = confirmed.slice(from, from + 1_000).join(',')
          const { body } = await get(nodeUrl, `/v1/recalled?group=${GROUP}&seqs=${seqs}`, token)
          known += (body['recalled'] as unknown[]).length
        }
        return confirmed.length - known
      },
    }
  }

  it('publish what the last release has left in its spool when it was killed, also after a way back', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const node = await startGatewayProcess({ REDIS_URL: redis.url, ROLE: 'node' })
    onCleanUp(node.stop)
    const receiver = await onOneFolder({ REDIS_URL: redis.url, ROLE: 'receiver' })
    await receiver.start('last')
    await receiver.listen(node.url)
    await receiver.send(1)
    /** Fills the spool of the receiver that runs, and kills it. */
    const fillAndKill = async (): Promise<void> => {
      redis.signal('SIGSTOP')
      await receiver.send(RECALLS)
      await receiver.amidTraffic(() => receiver.end('SIGKILL'))
      redis.signal('SIGCONT')
    }
    await fillAndKill()
    await receiver.start('this')
    await receiver.send(RECALLS)
    expect(await receiver.arrived()).to.deep.equal(NOTHING_LOST)

    // What this version leaves is kept until it is back: the last release cannot read it.
    await fillAndKill()
    await receiver.start('last')
    await receiver.send(RECALLS)
    await fillAndKill()
    await receiver.start('this')
    expect(await receiver.arrived()).to.deep.equal(NOTHING_LOST)
    expect(await receiver.unknown(node.url)).to.equal(0)
  })

  it('continue logs, recalled sets, revocations and the quarantine of the embedded broker', async () => {
    const gateway = await onOneFolder()
    await gateway.start('last')
    await gateway.listen()
    await gateway.send(RECALLS)
    await postDisconnect(gateway.url, gateway.token, { userId: 'banned' })
    const unclear = recallBody({ MsgSeqList: 'unclear' })
    expect((await postWebhook(gateway.url, { body: unclear })).status).to.equal(400)
    for (const version of ['this', 'last', 'this'] as const) {
      await gateway.amidTraffic(async () => {
        await gateway.end('SIGKILL')
        await gateway.start(version)
      })
      await gateway.send(RECALLS)
      expect(await gateway.arrived()).to.deep.equal(NOTHING_LOST)
    }
    expect(await gateway.unknown()).to.equal(0)
    const banned = await makeToken({ sub: 'banned', rooms: [{ group: GROUP }] })
    expect(await get(gateway.url, `/v1/position?group=${GROUP}`, banned)).to.include({ status: 403 })
    const { exited, output } = runGateway(['quarantine', 'show'], { DATA_DIR: gateway.dataDir })
    await exited
    expect(output()).to.include('unclear')
  })
})
