import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken } from '../support/client.ts'
import { button, named, newTab, openView, recallOne, row, rowsOf, state } from '../support/console-page.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { postWebhook, signedQuery } from '../support/webhook.ts'

const C2C = 'C2C.CallbackAfterMsgWithDraw'
const OFFICIAL = 'OfficialAccount.CallbackAfterMsgWithDraw'

describe('every kind of conversation in the console', function () {
  this.timeout(60_000)
  const onCleanUp = cleanUpAfterEach()
  let browser: Browser
  let gateway: GatewayProcess
  let url: string

  before(async () => {
    gateway = await startGatewayProcess({ TEST_RECALLS: 'on' })
    url = gateway.url
    browser = await openBrowser()
  })
  after(async () => {
    await gateway.stop()
  })

  const open = async (view: string): Promise<Page> =>
    openView(await newTab(browser, onCleanUp), url, view, await adminToken())

  const post = async (command: string, fields: object): Promise<void> => {
    const { status, body } = await postWebhook(url, {
      query: signedQuery(command),
      body: { CallbackCommand: command, EventTime: Date.now(), ...fields },
    })
    expect([status, body.ErrorInfo]).to.deep.equal([200, ''])
  }
  const recallOfTwo = (from: string, to: string, key: string) =>
    post(C2C, { From_Account: from, To_Account: to, MsgKey: key, UnreadMsgNum: 0 })
  const recallOfAccount = (account: string, keys: readonly string[]) =>
    post(OFFICIAL, { Official_Account: account, WithdrawMsgList: keys.map((MsgKey) => ({ MsgKey })) })

  const shown = async (page: Page): Promise<readonly string[]> =>
    (await rowsOf(page).locator('.conversation').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '))

  it('appears in the feed, with its messages and its details, and is filtered by kind and name', async () => {
    const page = await open('feed')
    await state(page, 'Live').waitFor()
    await recallOne(url, 'a-group', 1)
    await recallOfTwo('zoe', 'ann', '7_8_1700000000')
    await recallOfAccount('@TOA#news', ['1_1_1700000001', '2_2_1700000002'])
    await row(page, '@TOA#news').waitFor()
    expect(await shown(page)).to.deep.equal(['Official @TOA#news', '1:1 ann and zoe', 'a-group'])
    expect(await row(page, 'ann').locator('.seqs').innerText()).to.equal('7_8_1700000000')
    expect(await row(page, '@TOA#news').locator('.seqs').innerText()).to.equal(
      '1_1_1700000001, 2_2_1700000002',
    )

    await row(page, 'ann').click()
    const details = page.getByRole('complementary', { name: 'Recall' })
    await details.locator('.stop').nth(1).waitFor()
    const fields = (await details.locator('dl > div').allInnerTexts()).map((text) =>
      text.replaceAll(/\s+/g, ' '),
    )
    expect(fields.slice(0, 2)).to.deep.equal(['One-to-one ann and zoe', 'Sent by zoe'])
    await details.getByText('7_8_1700000000').waitFor()
    const stops = (await details.locator('.stop').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '))
    expect(stops[0]).to.match(/^One-to-one ann and zoe offset 1 · 0 sockets/)
    expect(stops[1]).to.match(/^Feed offset \d+ · 1 socket /)
    await page.keyboard.press('Escape')

    await page.getByRole('combobox', { name: 'Kind' }).selectOption('One-to-one')
    await page.getByText('1 of 3 recalls').waitFor()
    expect(await shown(page)).to.deep.equal(['1:1 ann and zoe'])
    await button(page, 'Clear filter').click()
    await named(page, 'Conversation').fill('TOA')
    await page.getByText('1 of 3 recalls').waitFor()
    expect(await shown(page)).to.deep.equal(['Official @TOA#news'])
    await recallOfAccount('@TOA#news', ['3_3_1700000003'])
    await recallOfTwo('zoe', 'bob', '9_9_1700000009')
    await page.getByText('2 of 5 recalls').waitFor()
  })

  it('shows long names and such that run from right to left each in its own place', async () => {
    const page = await open('feed')
    await state(page, 'Live').waitFor()
    const [long, hebrew, hostile] = ['l'.repeat(200), 'ש'.repeat(60), '<img src=x>\u202E']
    await recallOfTwo(long, hebrew, 'k1')
    await recallOfTwo(hostile, long, 'k2')
    await rowsOf(page).filter({ hasText: 'k2' }).waitFor()
    const visible = await rowsOf(page)
      .filter({ hasText: 'k1' })
      .locator('bdi')
      .evaluateAll((names) => names.map((name) => name.getBoundingClientRect().width))
    for (const width of visible) expect(width).to.be.above(40)
    expect(visible).to.have.lengthOf(2)
    for (const width of [400, 1_280]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).to.equal(true)
    }
    await rowsOf(page).filter({ hasText: 'k2' }).click()
    await page.locator('.details .stop').nth(1).waitFor()
    expect(await page.locator('img').count()).to.equal(0)
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).to.equal(true)
  })
})
