import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Browser, Page } from 'playwright-core'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import { openBrowser } from '../support/browser.ts'
import { adminToken, makeToken } from '../support/client.ts'
import {
  button,
  countRows,
  newTab,
  readWholeList,
  recallOne,
  row,
  search,
  state,
  upTo,
} from '../support/console-page.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startNginx } from '../support/nginx-proxy.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { cleanUpAfterAll, cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const ROWS = 10_000
/** Rows that say something else match every search. */
const ALL_300 = /^300 of (the latest )?[\d,]+ recalls$/
const BATCH = 500
const BURST_PER_SECOND = 200
const BURST_S = 4

describe('the console on two nodes', () => {
  const onCleanUp = cleanUpAfterEach()
  const onEnd = cleanUpAfterAll()
  let browser: Browser
  let redis: RedisServer
  let receiver: GatewayProcess
  let nodes: GatewayProcess[]
  let url: string

  /** A receiver, two nodes and the proxy of docker-compose.yml, sharing one Redis. */
  before(async () => {
    redis = await startRedis()
    onEnd(redis.stop)
    const startRole = async (role: string): Promise<GatewayProcess> => {
      const gateway = await startGatewayProcess({ REDIS_URL: redis.url, ROLE: role })
      onEnd(gateway.stop)
      return gateway
    }
    receiver = await startRole('receiver')
    const [one, other] = [await startRole('node'), await startRole('node')]
    nodes = [one, other]
    const proxy = await startNginx({ receiver: receiver.port, nodes: [one.port, other.port] })
    onEnd(proxy.stop)
    url = proxy.url
    browser = await openBrowser()
  })

  const openFeed = async (token: string): Promise<Page> => {
    const page = await newTab(browser, onCleanUp)
    await page.goto(`${url}/#token=${token}`)
    await state(page, 'Live').waitFor()
    return page
  }
  const show = (page: Page, group: string) => search(page, group)
  const rows = (page: Page, count: number) =>
    waitUntil(`${count} rows`, async () => (await countRows(page)) >= count)

  it('misses nothing when it is reloaded while recalls arrive', async () => {
    const page = await openFeed(await adminToken())
    const sending = (async () => {
      for (const seq of upTo(300)) await recallOne(receiver.url, 'lobby', seq)
    })()
    for (const count of [50, 120, 200]) {
      await rows(page, count)
      await page.reload()
    }
    await sending
    await state(page, 'Live').waitFor()
    await page.getByText('300 recalls', { exact: true }).waitFor()
    expect((await readWholeList(page)).seqs).to.deep.equal(upTo(300).toReversed())
  })

  it('says that its token has expired, and shows what it missed once it has another', async () => {
    const page = await openFeed(await makeToken({ role: 'admin', ttlS: 12 }))
    await state(page, 'Refused').waitFor()
    await recallOne(receiver.url, 'meanwhile', 1)
    expect(await row(page, 'meanwhile').count()).to.equal(0)

    const says = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor()
    const enter = async (token: string): Promise<void> => {
      await page.getByLabel('Token', { exact: true }).fill(token)
      await page.getByRole('button', { name: 'Connect' }).click()
    }
    await says('TOKEN_EXPIRED')
    await enter('pasted by mistake')
    await says('TOKEN_REFUSED: it is no JWT')
    await enter(await makeToken({ role: 'admin' }, 'another secret, of 32 bytes or more'))
    await says('TOKEN_REFUSED: its signature is invalid')
    await enter(await adminToken())
    await state(page, 'Live').waitFor()
    await row(page, 'meanwhile').waitFor()
    expect(await page.getByLabel('Token', { exact: true }).count()).to.equal(0)
  })

  it('asks for another token in time, and continues with it where it left off', async () => {
    const page = await openFeed(await adminToken())
    const warning = page.getByRole('alert').filter({ hasText: /Your token expires at \d\d:\d\d/ })
    const short = await makeToken({ sub: 'admin-1', role: 'admin', ttlS: 312 })
    await page.evaluate(`location.hash = 'token=${short}'`)
    await recallOne(receiver.url, 'another', 1)
    await show(page, 'another')
    await row(page, 'another').click()
    await page.locator('.details').waitFor()
    expect(await warning.count()).to.equal(0)
    const place = () => row(page, 'another').boundingBox()
    const before = await place()
    await warning.waitFor()
    expect(await place(), 'the list stays where it is').to.deep.equal(before)
    const { x = 0, width = 0 } = (await warning.boundingBox()) ?? {}
    expect(x + width, 'and is not covered').to.be.below(before?.x ?? 0)
    await state(page, 'Live').waitFor()

    const filled = page.getByLabel('Token', { exact: true }).fill(await adminToken())
    for (const seq of [2, 3]) await recallOne(receiver.url, 'another', seq)
    await filled
    await page.getByRole('status').filter({ hasText: 'the list holds still' }).waitFor()
    await page.getByRole('button', { name: 'Connect' }).click()
    for (const seq of [4, 5]) await recallOne(receiver.url, 'another', seq)
    await warning.waitFor({ state: 'detached' })
    await state(page, 'Live').waitFor()
    await recallOne(receiver.url, 'another', 6)
    // The open row does not run away from what comes above it.
    await button(page, '5 new').click()
    await row(page, 'another').nth(5).waitFor()
    expect(await row(page, 'another').locator('.seqs').allInnerTexts()).to.deep.equal(
      upTo(6).map(String).toReversed(),
    )
    expect(await page.locator('.details').count()).to.equal(1)
    expect(await page.locator('.event.gap').count()).to.equal(0)
  })

  it('moves to the other node when its own is killed, and shows every recall exactly once', async () => {
    const page = await openFeed(await adminToken())
    const sockets = await Promise.all(nodes.map((node) => readMetric(node.url, 'sockets')))
    for (const seq of upTo(300)) {
      if (seq === 100) nodes[sockets.indexOf(1)]?.signal('SIGKILL')
      await recallOne(receiver.url, 'moved', seq)
    }
    await state(page, 'Live').waitFor()
    await show(page, 'moved')
    await page.getByText(ALL_300).waitFor()
    expect((await readWholeList(page)).seqs).to.deep.equal(upTo(300).toReversed())
    expect(await page.locator('.event.gap').count()).to.equal(0)
  })

  it(`stays responsive with ${ROWS} rows while ${BURST_PER_SECOND} recalls arrive per second`, async () => {
    const page = await openFeed(await adminToken())
    const broker = createRedisBroker(
      { historySize: 1_000, historyTtlS: 60, url: redis.url, prefix: 'recall-gateway', app: APP },
      { log: pino({ level: 'silent' }) },
    )
    await broker.start()
    onCleanUp(broker.stop)
    const publish = (seq: number) => {
      const nowMs = Date.now()
      const recall = {
        group: `group-${seq % 50}`,
        messages: [{ seq }],
        recalledAtMs: nowMs,
        receivedAtMs: nowMs,
      }
      return broker.publish(recall, 5_000)
    }
    // A batch must not exceed what a log holds.
    for (let count = await countRows(page); count < ROWS; count += BATCH) {
      await Promise.all(upTo(BATCH).map((i) => publish(count + i)))
      await rows(page, count + BATCH)
    }

    const burst = (async () => {
      const begin = Date.now()
      for (let i = 0; i < BURST_PER_SECOND * BURST_S; i++) {
        void recallOne(receiver.url, 'burst', i + 1)
        await delay(Math.max(0, begin + ((i + 1) * 1_000) / BURST_PER_SECOND - Date.now()))
      }
    })()
    await row(page, 'burst').first().waitFor()
    const slowMs = await slowResponse(page, burst)
    expect(slowMs).to.be.below(1_000)
    await page.locator('.list').press('End')
    await rows(page, ROWS)
    const elements = await page.evaluate<number>('document.querySelectorAll("*").length')
    expect(elements).to.be.below(800)
  })
})

/**
 * Returns how long, in ms, the page computes to apply a filter and draw a frame: on average, until `end`. What a busy machine
 * makes it wait is not counted.
 */
async function slowResponse(page: Page, end: Promise<void>): Promise<number> {
  let isOver = false
  void end.then(() => (isOver = true))
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const computedMs = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics')
    return 1_000 * (metrics.find(({ name }) => name === 'ThreadTime')?.value ?? Infinity)
  }
  const beforeMs = await computedMs()
  let searches = 0
  do {
    await search(page, searches++ % 2 === 0 ? 'b' : '')
    await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))')
  } while (!isOver)
  const tookMs = (await computedMs()) - beforeMs
  await search(page, '')
  return tookMs / searches
}
