import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { cleanUpAfterAll } from '../support/clean-up.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { button, named, newTab, openView, recallOne, row } from '../support/console-page.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'
import { fairClock } from '../support/fair-clock.ts'
import { waitUntil } from '../support/wait.ts'

const VIEWS = ['feed', 'rooms', 'history', 'health', 'test'] as const
/** A notice that was stored longer ago must not be missing on a page that says that it is live. */
const MAX_SILENCE_MS = 4_000
/** The viewer's clock is wrong by so much. */
const CLOCK_OFFSET_MS = 3_600_000

describe('the console says what is true', () => {
  const onCleanUp = cleanUpAfterAll()
  let browser: Browser
  let redis: RedisServer
  let receiver: GatewayProcess
  let node: GatewayProcess
  /** Its provider signs with another token. */
  let misconfigured: GatewayProcess
  let page: Page

  before(async () => {
    redis = await startRedis()
    onCleanUp(redis.stop)
    const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
      const gateway = await startGatewayProcess({ TEST_RECALLS: 'on', ...settings })
      onCleanUp(gateway.stop)
      return gateway
    }
    receiver = await start({ ROLE: 'receiver', REDIS_URL: redis.url })
    node = await start({ ROLE: 'node', REDIS_URL: redis.url })
    misconfigured = await start({})
    for (let seq = 1; seq <= 30; seq++) await postForged(seq)
    browser = await openBrowser()
    page = await newTab(browser, onCleanUp)
    await page.addInitScript(`{
      const now = Date.now
      Date.now = () => now() + ${CLOCK_OFFSET_MS}
    }`)
    await openView(page, node.url, 'rooms', await adminToken())
    await named(page, 'Group').fill('g')
    await button(page, 'Watch').click()
    await title(page, 'Live')
  })

  const postForged = async (seq: number): Promise<void> => {
    const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
    const query = { ...signedQuery(), Sign: '0'.repeat(64) }
    const { status } = await postWebhook(misconfigured.url, { body, query })
    expect(status).to.equal(401)
  }
  const title = (of: Page, begin: string, timeoutMs?: number) =>
    waitUntil(`the title begins with ${begin}`, async () => (await of.title()).startsWith(begin), timeoutMs)
  const open = async (view: string): Promise<void> => {
    await page.goto(`${node.url}/#${view}`)
    await page.locator(`nav a[aria-current][data-view="${view}"]`).waitFor()
  }
  const topBar = (): Promise<string> => page.locator('.top-bar').innerText()
  const isGreen = async (of = page): Promise<boolean> => (await of.locator('.state.good').count()) > 0

  it('in every view while Redis is frozen, and afterwards which recalls came late', async () => {
    await open('feed')
    await recallOne(receiver.url, 'g', 1)
    await row(page, 'g').waitFor()
    const fairMs = fairClock(node.pid, receiver.pid)
    const [frozenAtMs, frozenFairMs] = [Date.now(), fairMs()]
    redis.signal('SIGSTOP')
    await recallOne(receiver.url, 'g', 2)
    const keptAtMs = Date.now()
    await waitUntil('the title is not live', async () => /In doubt/.test(await page.title()))
    expect(fairMs() - frozenFairMs).to.be.below(MAX_SILENCE_MS)
    for (const view of VIEWS) {
      await open(view)
      expect(await topBar()).to.match(/In doubt\s+since \d\d:\d\d:\d\d; recalls may be missing: /)
      expect(await isGreen(), view).to.equal(false)
    }
    await open('health')
    // A recall waits on the disk of the receiver, which the node cannot ask.
    await page.locator('.tile', { hasText: 'Spooled to disk' }).getByText('could not be asked').waitFor()
    expect(await page.locator('.tiles.partial').count()).to.equal(1)
    // Nor does it know of the webhooks of others, and of their sockets.
    await page.locator('.tile', { hasText: 'Webhooks, last 5 min' }).getByText('could not be asked').waitFor()
    await page.locator('.tile', { hasText: 'Sockets' }).getByText('of the process that answered').waitFor()
    await open('feed')
    await page.getByText(/^Since \d\d:\d\d:\d\d it is not certain that recalls arrive: /).waitFor()
    await waitUntil('a recall that arrives now is late', () => Date.now() - keptAtMs > MAX_SILENCE_MS)
    redis.signal('SIGCONT')

    await row(page, 'g').nth(1).waitFor()
    const lateS = (Date.now() - frozenAtMs) / 1_000
    await waitUntil('the page is live again', () => isGreen())
    const remark =
      /From (\S+) to (\S+) it was not certain that recalls arrive: .*; 1 recall arrived late, marked above/
    const marks = page.locator('.late')
    for (const view of ['feed', 'rooms']) {
      await open(view)
      const times = remark.exec(await page.getByText(remark).innerText())
      const [from = 0, until = 0] = [times?.[1], times?.[2]].map((time) => Date.parse(`1970-01-01T${time}Z`))
      expect(Math.abs(from - (frozenAtMs % 86_400_000))).to.be.below(3_000)
      expect(until - from).to.be.within(MAX_SILENCE_MS - 2_000, 20_000)
      const texts = await marks.allInnerTexts()
      expect(texts.length).to.equal(1)
      expect(Number(/arrived (\S+) s late/.exec(texts[0] ?? '')?.[1])).to.be.within(3, lateS + 1)
    }
  })

  it('to members too, and that its history was read in doubt', async () => {
    const member = await newTab(browser, onCleanUp)
    await openView(member, node.url, 'history', await makeToken({ rooms: [{ group: 'g' }] }))
    await member.locator('.search input[name=group]').fill('g')
    const reads: (() => unknown)[] = []
    await member.route(/v1\/notices/, async (route) => {
      const response = await route.fetch()
      reads.push(() => route.fulfill({ response }))
    })
    await button(member, 'Search').click()
    await waitUntil('the history was read', () => reads.length > 0)
    redis.signal('SIGSTOP')
    await title(member, 'In doubt')
    for (const answer of reads) await answer()
    await member.getByRole('alert').filter({ hasText: 'some may be missing' }).waitFor()
    redis.signal('SIGCONT')
    await waitUntil('it is no longer in doubt', async () => !(await member.title()).includes('In doubt'))
    expect(await member.getByRole('alert').filter({ hasText: 'some may be missing' }).count()).to.equal(1)
    await member.unroute(/v1\/notices/)
    await button(member, 'Search').click()
    await member.getByRole('alert').filter({ hasText: 'some may be missing' }).waitFor({ state: 'detached' })
    await member.getByText('Nothing older is kept.').waitFor()
    await member.close()
  })

  it('that it is paused, in every view', async () => {
    await open('feed')
    await waitUntil('the page is live', () => isGreen())
    await button(page, 'Pause').click()
    await recallOne(receiver.url, 'g', 3)
    await title(page, 'Paused · 1 waiting')
    for (const view of VIEWS) {
      await open(view)
      expect(await topBar()).to.include('Paused · 1 waiting')
      expect(await isGreen()).to.equal(false)
    }
    await open('feed')
    await page.getByRole('button', { name: /^Resume/ }).click()
    await title(page, 'Live')
  })

  it('that no recall can come in, once the only receiver is killed', async () => {
    receiver.signal('SIGKILL')
    await title(page, '(!) ')
    expect(await isGreen()).to.equal(false)
    await page.getByRole('link', { name: /problems?, see Health/ }).click()
    await page.locator('.problems .critical').filter({ hasText: 'NO_RECEIVER' }).waitFor()
    await page.locator('.processes .gone').filter({ hasText: 'Gone since' }).waitFor()
  })

  it('that webhooks are refused, and why', async () => {
    const other = await newTab(browser, onCleanUp)
    await openView(other, misconfigured.url, 'feed', await adminToken())
    await title(other, '(!) Problem')
    await other.getByRole('link', { name: /problems?, see Health/ }).click()
    await other.locator('.problems .critical').filter({ hasText: 'WEBHOOK_TOKEN' }).waitFor()
    await other.locator('.webhooks li').filter({ hasText: '30 Refused WEBHOOK_FORGED' }).waitFor()
  })
})
