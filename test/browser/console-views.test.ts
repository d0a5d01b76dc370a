import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { createClient } from 'redis'
import type { Page } from 'playwright-core'
import { adminToken, makeToken } from '../support/client.ts'
import {
  button,
  named,
  openView,
  recall,
  recallOne,
  row,
  search,
  state,
  upTo,
} from '../support/console-page.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { serveConsole } from '../support/served-console.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, signedQuery } from '../support/webhook.ts'

const BUILT = fileURLToPath(new URL('../../server/page/', import.meta.url))
const MAX_CONSOLE_BYTES = 130_000

describe('the views of the console', () => {
  let redis: RedisServer
  before(async () => (redis = await startRedis()))
  after(() => redis.stop())
  const served = serveConsole(() => ({ REDIS_URL: redis.url, TEST_RECALLS: 'on' }))
  const { onCleanUp } = served

  describe('rooms', () => {
    const watch = async (page: Page, group: string): Promise<void> => {
      await named(page, 'Group').fill(group)
      await button(page, 'Watch').click()
    }

    it('show the position and latest recalls of a group, even after a reload', async () => {
      for (const seq of upTo(3)) await recallOne(served.url, 'watched', seq)
      const page = await served.open('rooms')
      await watch(page, 'watched')
      const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'watched' }) })
      await card.getByText('Live', { exact: true }).waitFor()
      await recallOne(served.url, 'watched', 4)
      await recallOne(served.url, 'other', 5)
      for (const reloads of [0, 1]) {
        if (reloads === 1) await page.reload()
        await card.locator('.latest .seqs').nth(3).waitFor()
        expect(await card.locator('.latest .seqs').allInnerTexts()).to.deep.equal(['4', '3', '2', '1'])
        expect(await card.locator('.figures dd').allInnerTexts()).to.deep.equal(['4', '0', '0'])
      }
      await button(page, 'Stop watching watched').click()
      await page.getByText('No rooms watched.').waitFor()
    })

    it('report a gap', async () => {
      await recallOne(served.url, 'lost', 1)
      const page = await served.open('rooms')
      await watch(page, 'lost')
      await page.locator('.room.live').waitFor()
      // The log is lost: the next recall starts a new one.
      const client = await createClient({ url: redis.url }).connect()
      onCleanUp(() => client.destroy())
      let isUnavailable = true
      const json = { code: 'BROKER_UNAVAILABLE', message: '' }
      await page.route(/notices\?group=lost/, (route) =>
        isUnavailable ? route.fulfill({ status: 503, json }) : route.continue(),
      )
      await client.flushAll()
      await recallOne(served.url, 'lost', 2)
      await page.getByRole('alert').filter({ hasText: 'Some notices are missing.' }).waitFor()
      expect(await page.locator('.figures .bad dd').innerText()).to.equal('1')
      // Not live before that part of the log has been read again.
      await page.locator('.card.room').getByText('Loading').waitFor()
      await state(page, 'Loading').waitFor()
      await page.waitForResponse(/notices\?group=lost/)
      expect(await page.locator('.state.good').count()).to.equal(0)
      isUnavailable = false
      await page.locator('.room.live').waitFor()
      // The receiver publishes again what the lost log had. It is shown already, and no second time.
      await waitUntil(
        'it is published',
        async () => (await readMetric(served.url, 'recalls_recovered_total')) > 0,
      )
      await recallOne(served.url, 'lost', 3)
      await page.locator('.card.room .latest .seqs').filter({ hasText: /3$/ }).waitFor()
      const latest = await page.locator('.card.room .latest .seqs').allInnerTexts()
      expect(latest.map((text) => text.at(-1))).to.deep.equal(['3', '2', '1'])
      expect(await page.locator('.figures .bad dd').innerText()).to.equal('1')
    })

    it('retry reading a log that could not be read, and are not live until then', async () => {
      await recallOne(served.url, 'late', 1)
      const page = await served.open('rooms')
      let isUnavailable = true
      const json = { code: 'BROKER_UNAVAILABLE', message: '' }
      await page.route(/notices\?group=late/, (route) =>
        isUnavailable ? route.fulfill({ status: 503, json }) : route.continue(),
      )
      await watch(page, 'late')
      const card = page.locator('.card.room')
      await card.getByText('Loading').waitFor()
      await recallOne(served.url, 'late', 2)
      isUnavailable = false
      await card.getByText('Live', { exact: true }).waitFor()
      await card.locator('.latest .seqs').nth(1).waitFor()
      expect(await card.locator('.latest .seqs').allInnerTexts()).to.deep.equal(['2', '1'])
    })

    it('and their history are all that members can see, as far as the token grants them', async () => {
      await recall(served.url, { GroupId: 'mine', Operator_Account: 'secret-moderator' })
      const page = await served.open('rooms', {
        token: await makeToken({ sub: 'taken-out', rooms: [{ group: 'mine' }] }),
      })
      const views = await page.getByRole('navigation').getByRole('link').allInnerTexts()
      expect(views).to.deep.equal(['Rooms', 'History'])
      await watch(page, 'mine')
      await page.locator('.room.live .latest .seqs').waitFor()
      await watch(page, 'not-mine')
      await page.getByRole('alert').filter({ hasText: 'ROOM_REFUSED' }).waitFor()

      await page.goto(`${served.url}/#history`)
      await page.locator('.search input[name=group]').fill('mine')
      await button(page, 'Search').click()
      await row(page, 'mine').waitFor()
      expect(await page.locator('body').innerText()).to.not.include('secret-moderator')

      // The token grants it still.
      await postDisconnect(served.url, await adminToken(), { userId: 'taken-out', group: 'mine' })
      await page.goto(`${served.url}/#rooms`)
      const alerts = page.locator('.room.refused').getByRole('alert')
      await waitUntil('both rooms are refused', async () => (await alerts.count()) === 2)
      for (const alert of await alerts.allInnerTexts()) expect(alert).to.include('or you were taken out')
    })
  })

  it('warn of a gap immediately, even while the feed is paused', async () => {
    await recallOne(served.url, 'paused', 1)
    const page = await served.open('feed')
    await row(page, 'paused').waitFor()
    await button(page, 'Pause').click()
    const client = await createClient({ url: redis.url }).connect()
    onCleanUp(() => client.destroy())
    await client.flushAll()
    await recallOne(served.url, 'paused', 2)
    const warning = page
      .getByRole('alert')
      .filter({ hasText: 'Some notices are missing. Resume to see where.' })
    await warning.waitFor()
    expect(await page.getByText('none are lost').count()).to.equal(0)
    expect(await page.locator('.event.gap').count()).to.equal(0)
    await page.getByRole('button', { name: /^Resume/ }).click()
    await page.locator('.event.gap').waitFor()
    expect(await warning.count()).to.equal(0)
  })

  describe('history', () => {
    it('shows the result of the latest request, whichever response arrives last', async () => {
      await recallOne(served.url, 'slow', 5)
      const page = await served.open('history')
      const delayed: (() => unknown)[] = []
      await page.route(
        /recalled\?group=slow|search\?q=slow/,
        (route) => void delayed.push(() => route.continue()),
      )
      const lookup = page.getByRole('region', { name: 'Which messages are recalled?' })
      const request = async (group: string): Promise<void> => {
        await lookup.getByLabel('Group', { exact: true }).fill(group)
        await lookup.getByLabel('From seq').fill('5')
        await lookup.getByRole('button', { name: 'Look up' }).click()
        await search(page, group)
      }
      await request('slow')
      await waitUntil('both are on their way', () => delayed.length >= 2)
      await request('none')
      await page.getByText('None of the recalls that are kept match.').waitFor()
      const responses = Promise.all(
        [/recalled\?group=slow/, /search\?q=slow/].map((name) => page.waitForResponse(name)),
      )
      for (const release of delayed) release()
      await (await responses)[1]?.finished()
      await lookup.getByText('0 of 1 message recalled').waitFor()
      await page.evaluate(
        'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))',
      )
      expect(await lookup.getByText('0 of 1 message recalled').count()).to.equal(1)
      expect(await row(page, 'slow').count()).to.equal(0)
    })

    it('shows which messages of a range are recalled', async () => {
      const seqs = [1003, 1004, 1005, 1200, 1500]
      await recall(served.url, { GroupId: 'looked-up', MsgSeqList: seqs.map((seq) => ({ MsgSeq: seq })) })
      const page = await served.open('history')
      const lookup = page.getByRole('region', { name: 'Which messages are recalled?' })
      await lookup.getByLabel('Group', { exact: true }).fill('looked-up')
      await lookup.getByLabel('From seq').fill('1000')
      await lookup.getByLabel('To seq').fill('1400')
      await lookup.getByRole('button', { name: 'Look up' }).click()
      await lookup.getByText('4 of 401 messages recalled').waitFor()
      await lookup.getByText('1000–1400 in Group looked-up').waitFor()
      const lines = lookup.locator('.recalled-lines li')
      await lines.filter({ hasText: 'by ' }).nth(1).waitFor()
      expect(await lines.locator('code').allInnerTexts()).to.deep.equal(['1003–1005', '1200'])
      expect(await lookup.locator('.squares i').count()).to.equal(401)
      await lookup.getByRole('link', { name: '1200' }).click()
      await page.locator('.details').getByText('1500').first().waitFor()
      expect(await page.getByRole('searchbox').inputValue()).to.equal('group:looked-up seq:1200')

      await lookup.getByLabel('To seq').fill('2400')
      expect(await lookup.locator('input:invalid').count()).to.equal(1)

      await page.setViewportSize({ width: 390, height: 800 })
      const room = await page.evaluate<number>(`(() => {
        const field = document.querySelector('.lookup select[name=kind]')
        const width = field.offsetWidth
        field.style.width = 'auto'
        return width - field.offsetWidth
      })()`)
      expect(room, 'of the names of kinds').to.be.at.least(0)
    })

    it('is searched page by page, back to the start of the log', async () => {
      for (const seq of upTo(230)) await recallOne(served.url, 'long', seq)
      const page = await served.open('history')
      await search(page, 'group:long')
      await page.getByText('200 found.').waitFor()
      await button(page, 'Search on').click()
      await page.getByText('230 found.').waitFor()
      await page.getByText(/^All that is kept, since .*, was searched\.$/).waitFor()
    })
  })

  describe('health', () => {
    it('shows the status of all processes, in figures and in words', async () => {
      const page = await served.open('health')
      await page.locator('.processes tbody tr').waitFor()
      await page.locator('.tile').first().getByText('1 / 1').waitFor()
      const powerCut = page.locator('.tile', { hasText: 'A power cut would lose' })
      // The Redis of this test has no persistence.
      expect(await powerCut.innerText()).to.include('Everything')
      let seq = 0
      const chart = page.getByRole('img', { name: /Recalls per second\. Now [1-9]/ })
      // What is charted now may be nothing a moment later.
      const label = await waitUntil('recalls are charted', async () => {
        await recallOne(served.url, 'charted', ++seq)
        return (
          (await chart.count()) > 0 && chart.getAttribute('aria-label', { timeout: 1_000 }).catch(() => null)
        )
      })
      expect(label).to.match(/between \d.* in the last hour/)
      const lines = page.getByRole('img', { name: /Recalls per second/ }).locator('path.line')
      expect(await lines.count()).to.be.at.least(1)
    })

    it('shows a process with much to say in the width of a small notebook', async () => {
      const page = await served.newTab({ viewport: { width: 1280, height: 800 } })
      await page.route(/v1\/status/, async (route) => {
        const response = await route.fetch()
        const status = await response.json()
        const ill = {
          ready: false,
          reasons: ['TIMEOUT: the server does not answer (REDIS_URL, firewall)'],
          delivery: {
            proved: false,
            doubtMs: 61_000,
            reason: 'it is not proved that notices reach this node',
          },
          spool: { recalls: 1_234, bytes: 500_000, ageMs: 61_000 },
        }
        await route.fulfill({ response, json: { ...status, nodes: [{ ...status.nodes[0], ...ill }] } })
      })
      await openView(page, served.url, 'health', await adminToken())
      await page.locator('.processes .reasons').first().waitFor()
      const [needed, available] = await page
        .locator('.processes .scroll')
        .evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth] as const)
      expect(needed).to.equal(available)
    })

    it('shows what waits for the app’s backend, where there is a relay', async () => {
      const relaying = await startGatewayProcess({
        RELAY_URL: 'http://127.0.0.1:1/',
        RELAY_FALLBACK: 'allow',
      })
      onCleanUp(relaying.stop)
      const command = 'Group.CallbackAfterSendMsg'
      const { status } = await postWebhook(relaying.url, {
        query: signedQuery(command),
        body: { CallbackCommand: command },
      })
      expect(status).to.equal(200)
      const page = await openView(await served.newTab(), relaying.url, 'health', await adminToken())
      await page.getByRole('columnheader', { name: 'Waits for your backend' }).waitFor()
      await page.getByRole('cell', { name: /^1 webhook, / }).waitFor()
      const without = await served.open('health')
      await without.locator('.processes tbody tr').waitFor()
      expect(await without.getByText('Waits for your backend').count()).to.equal(0)
    })

    it('says how old is what waits on the disk of a process that is gone', async () => {
      const page = await served.newTab()
      await page.route(/v1\/status/, async (route) => {
        const response = await route.fetch()
        const status = await response.json()
        const atMs = status.nodes[0].reportedAtMs
        const left = { id: 'gone', role: 'receiver', stopped: true, spooledRecalls: 5 }
        const gone = [{ ...left, startedAtMs: atMs - 90_000, lastReportAtMs: atMs - 61_000 }]
        await route.fulfill({ response, json: { ...status, gone } })
      })
      await openView(page, served.url, 'health', await adminToken())
      await page.locator('.tile', { hasText: 'recalls; the oldest is 61 s old' }).waitFor()
    })

    it('says when its figures are out of date, and offers no test recalls where they are off', async () => {
      const page = await served.newTab()
      let isUnavailable = false
      const json = { code: 'TOO_MANY_REQUESTS', message: '' }
      await page.route(/v1\/status/, async (route) => {
        if (isUnavailable) return route.fulfill({ status: 429, json })
        const response = await route.fetch()
        return route.fulfill({ response, json: { ...(await response.json()), testRecalls: false } })
      })
      await openView(page, served.url, 'health', await adminToken())
      await page.locator('.processes tbody tr').waitFor()
      expect(await page.getByRole('link', { name: 'Test recall' }).count()).to.equal(0)
      isUnavailable = true
      await page.locator('.problems').filter({ hasText: 'STATUS_UNKNOWN' }).waitFor()
      await page.locator('.problems').filter({ hasText: 'TOO_MANY_REQUESTS' }).waitFor()
      await page.getByText('The figures below are out of date.').waitFor()
    })
  })

  describe('test recall', () => {
    it('is sent where it is allowed, and appears in the feed', async () => {
      const page = await served.open('feed')
      await page.getByRole('link', { name: 'Test recall' }).click()
      await page.getByRole('heading', { name: 'Send a test recall' }).waitFor()
      await named(page, 'Group').fill('tested')
      await page.getByLabel('Sequence numbers').fill('1, 2')
      await button(page, 'Send').click()
      await page.getByText('A receiver answered OK').waitFor()
      await page.getByText('It went through the door of a receiver').waitFor()
      await page.getByText(/It arrived in the feed of this page after \d+ ms/).waitFor()
      await page.getByRole('link', { name: 'Open the live feed' }).click()
      await row(page, 'tested').waitFor()
      expect(await row(page, 'tested').locator('.seqs').innerText()).to.equal('1, 2')
    })
  })

  it('keep the language and theme that were chosen', async () => {
    const page = await served.open('feed')
    await button(page, '中文').click()
    await page.getByRole('heading', { name: '实时动态' }).waitFor()
    await button(page, '切换深浅色').click()
    await page.reload()
    await page.getByRole('heading', { name: '实时动态' }).waitFor()
    expect(await page.evaluate('document.documentElement.dataset.theme')).to.equal('dark')
    expect(await page.evaluate('document.documentElement.lang')).to.equal('zh-Hans')
  })
})

describe('the size of the console', () => {
  it(`is below ${MAX_CONSOLE_BYTES} bytes in total, compressed`, () => {
    const files = readdirSync(BUILT, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.(html|js|css|svg)$/.test(file),
    )
    const bytes = files.map((file) => gzipSync(readFileSync(join(BUILT, file))).length)
    expect(files.length).to.be.above(2)
    expect(bytes.reduce((sum, one) => sum + one, 0)).to.be.within(10_000, MAX_CONSOLE_BYTES)
  })
})
