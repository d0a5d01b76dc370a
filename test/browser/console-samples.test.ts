import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken } from '../support/client.ts'
import { newTab } from '../support/console-page.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const SAMPLE_INTERVAL_MS = 250
/** With a longer pause between two, the page stood still. */
const MAX_PAUSE_MS = 500
const SEND_INTERVAL_MS = 500
/** How long a recall that was answered OK may be missing on a page that is green. */
const MAX_OWED_MS = 4_000
const FAULT_MS = 6_000
/** All rows of the test are in the document. */
const VIEWPORT = { width: 1280, height: 6_000 }

/** What the page showed at a moment, in ms since 1970. */
interface Sample {
  readonly atMs: number
  readonly title: string
  readonly isGreen: boolean
  readonly seqs: readonly number[]
}

/** Keeps what the page shows in `window.samples`. */
const SAMPLER = `window.samples = []
setInterval(() => window.samples.push({
  atMs: Date.now(),
  title: document.title,
  isGreen: document.title.startsWith('Live') || document.querySelector('.state.good, .state.live') !== null,
  seqs: [...document.querySelectorAll('.rows .notice .seqs')].map((seqs) => Number(seqs.textContent)),
}), ${SAMPLE_INTERVAL_MS})`

describe('what the console shows, four times a second', () => {
  const onCleanUp = cleanUpAfterEach()

  const samplesOf = (page: Page) => page.evaluate<Sample[]>('window.samples')
  const isGreen = async (page: Page) => (await samplesOf(page)).at(-1)?.isGreen

  it('is never green while a recall that was kept 4 s ago is not in its list', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const proxy = await startTcpProxy(redis.port)
    onCleanUp(proxy.stop)
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
      const gateway = await startGatewayProcess(settings)
      onCleanUp(gateway.stop)
      return gateway
    }
    const receiverSettings = {
      ROLE: 'receiver',
      REDIS_URL: redis.url,
      DATA_DIR: folder.path,
      PORT: String(await freePort()),
    }
    const [receiver, node, browser] = await Promise.all([
      start(receiverSettings),
      start({ ROLE: 'node', REDIS_URL: `redis://127.0.0.1:${proxy.port}` }),
      openBrowser(),
    ])
    const page = await newTab(browser, onCleanUp, { viewport: VIEWPORT })
    await page.addInitScript(SAMPLER)
    await page.goto(`${node.url}/#token=${await adminToken()}`)
    await waitUntil('the page is green', () => isGreen(page))

    /** When each recall was answered OK, in ms since 1970. */
    const kept = new Map<number, number>()
    let seq = 0
    const send = async (): Promise<void> => {
      const own = ++seq
      const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: own }] })
      const response = await postWebhook(receiver.url, { body }).catch(() => undefined)
      if (response?.status === 200) kept.set(own, Date.now())
    }
    const timer = setInterval(() => void send(), SEND_INTERVAL_MS)
    onCleanUp(() => clearInterval(timer))
    const showsAll = async (): Promise<boolean> => {
      const seqs = new Set((await samplesOf(page)).at(-1)?.seqs)
      return kept.size > 0 && [...kept.keys()].every((one) => one > seq - 3 || seqs.has(one))
    }
    const recovers = async (): Promise<void> => {
      await waitUntil('the list is complete', showsAll)
      await waitUntil('the page is green again', () => isGreen(page))
    }
    await recovers()

    redis.signal('SIGSTOP')
    await delay(FAULT_MS)
    redis.signal('SIGCONT')
    await recovers()

    for (let ms = 0; ms < FAULT_MS; ms += 50) {
      proxy.swallow({ sent: 'ssubscribe', direction: 'to client' })
      await delay(50)
    }
    proxy.cut()
    await recovers()

    redis.signal('SIGSTOP')
    const before = kept.size
    await waitUntil('recalls wait on the disk of the receiver', () => kept.size > before + 2)
    receiver.signal('SIGKILL')
    await receiver.exited
    redis.signal('SIGCONT')
    await delay(FAULT_MS)
    await start(receiverSettings)
    await recovers()

    const samples = await samplesOf(page)
    const judged = samples.filter(isJudged)
    expect(judged.length, 'samples that say something').to.be.above(samples.length / 4)
    expect(untrue(judged, kept)).to.deep.equal([])
  })
})

/** Not just after the page stood still: it has yet to show what has arrived meanwhile. */
function isJudged(_: Sample, i: number, samples: readonly Sample[]): boolean {
  const pauseMs = (n: number): number => (samples[n]?.atMs ?? 0) - (samples[n - 1]?.atMs ?? Infinity)
  return [i, i - 1, i - 2].every((n) => pauseMs(n) <= MAX_PAUSE_MS)
}

/** The samples that were green although they lacked a recall. */
function untrue(samples: readonly Sample[], kept: ReadonlyMap<number, number>): string[] {
  const firstAtMs = samples.find(({ isGreen }) => isGreen)?.atMs ?? 0
  return samples
    .filter(({ isGreen }) => isGreen)
    .flatMap(({ atMs, title, seqs }) => {
      const owed = [...kept].filter(([seq, keptAtMs]) => keptAtMs < atMs - MAX_OWED_MS && !seqs.includes(seq))
      const time = ((atMs - firstAtMs) / 1_000).toFixed(1)
      return owed.length === 0 ? [] : [`${time} s: "${title}" without ${owed.map(([seq]) => seq).join()}`]
    })
}
