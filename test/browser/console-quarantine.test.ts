import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { button, newTab, openView, row } from '../support/console-page.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { folderWithQuarantine, quarantinedRecall } from '../support/quarantine.ts'

const HOSTILE = '<img src=x onerror=alert(1)>'

describe('the quarantine in the console', () => {
  const onCleanUp = cleanUpAfterEach()
  let browser: Browser
  before(async () => {
    browser = await openBrowser()
  })

  /** Opens the view of a gateway whose quarantine is filled. */
  const open = async (fill: Parameters<typeof folderWithQuarantine>[0]) => {
    const folder = await folderWithQuarantine(fill)
    onCleanUp(folder.remove)
    const gateway = await startGatewayProcess({ DATA_DIR: folder.path })
    onCleanUp(gateway.stop)
    const page = await newTab(browser, onCleanUp)
    await openView(page, gateway.url, 'quarantine', await adminToken())
    return { page, url: gateway.url }
  }
  const reasonOf = (page: Page, reason: string) => page.getByRole('region', { name: reason, exact: true })
  const details = (page: Page) => page.getByRole('complementary', { name: 'Quarantined request' })
  const badge = (page: Page) => page.locator('nav .badge')

  it('is listed by reason, and opens an entry with its body, which is text whatever it says', async () => {
    const odd = `{"b":90071992547409931, "b":"${HOSTILE}","c":[],"d":["\u202E"]}`
    const { page } = await open(async (quarantine) => {
      for (const seq of [1, 2]) await quarantine.addRecall(quarantinedRecall(seq, 'NOPERM'))
      await quarantine.add(quarantinedRecall(3, HOSTILE, odd))
      await quarantine.addRotten(Buffer.from([0xff, 0x7b, 0]), 'rotten on disk')
    })
    await page.getByText('4 entries', { exact: true }).waitFor()
    await badge(page).getByText('4', { exact: true }).waitFor()
    expect(await page.locator('.reason h2 bdi').allInnerTexts()).to.deep.equal([
      'rotten on disk',
      HOSTILE,
      'NOPERM',
    ])
    expect(await reasonOf(page, 'NOPERM').locator('.entry').count()).to.equal(2)

    await reasonOf(page, HOSTILE).locator('.entry').click()
    const body = details(page).locator('pre')
    await body.waitFor()
    // As it is: nothing is rounded, and no key is hidden.
    expect(await body.innerText()).to.equal(
      `{\n  "b": 90071992547409931,\n  "b": "${HOSTILE}",\n  "c": [],\n  "d": [\n    "\\u202e"\n  ]\n}`,
    )
    await details(page).getByText('Characters that are invisible').waitFor()
    await details(page).getByText('CallbackCommand=Group.CallbackAfterRecallMsg').waitFor()
    await details(page).getByLabel('As received').check()
    expect(await body.innerText()).to.equal(odd.replace('\u202E', '\\u202e'))
    expect(await page.locator('img').count()).to.equal(0)

    await page.reload()
    await body.waitFor()
    expect(await page.evaluate('location.hash')).to.match(/^#quarantine\?entry=[\w-]+$/)

    await page.waitForFunction("document.activeElement?.classList.contains('details')")
    await page.keyboard.press('Escape')
    await body.waitFor({ state: 'detached' })
    await reasonOf(page, 'rotten on disk').locator('.entry').click()
    await details(page).getByText('The body is not UTF-8').waitFor()
    expect(await body.innerText()).to.match(/^0000 {2}ff 7b 00 +\.\{\.$/)
    // There is nothing that could be retried.
    expect(await button(page, 'Retry').count()).to.equal(0)
    for (const width of [400, 1_280]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).to.equal(true)
    }
  })

  it('retries one entry, and says whether it was accepted', async () => {
    const { page } = await open(async (quarantine) => {
      await quarantine.addRecall(quarantinedRecall(7, 'NOPERM'))
      await quarantine.add(quarantinedRecall(8, 'is odd', 'no json'))
    })
    await reasonOf(page, 'is odd').locator('.entry').click()
    await button(page, 'Retry').click()
    await details(page).getByText('Still refused').waitFor()
    const refused = await details(page).locator('.outcome bdi').innerText()
    expect(refused).to.include('not JSON')
    // It is there for this reason now.
    await reasonOf(page, refused).locator('.entry').waitFor()
    expect(await reasonOf(page, 'is odd').count()).to.equal(0)
    await details(page).getByRole('button', { name: 'Close' }).click()
    await details(page).waitFor({ state: 'detached' })

    await reasonOf(page, 'NOPERM').locator('.entry').click()
    await button(page, 'Retry').click()
    await page.getByText('Accepted. It is no longer in the quarantine.').waitFor()
    expect(await page.locator('.entry').count()).to.equal(1)
    await page.getByText('1 entry', { exact: true }).waitFor()
    await badge(page).getByText('1', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Live feed' }).click()
    await row(page, 'lobby').waitFor()
    expect(await row(page, 'lobby').locator('.seqs').innerText()).to.equal('7')
  })

  it('retries all with a reason, and says how many are still refused', async () => {
    const { page } = await open(async (quarantine) => {
      for (const seq of [1, 2, 3]) await quarantine.addRecall(quarantinedRecall(seq, 'NOPERM'))
      await quarantine.add(quarantinedRecall(4, 'NOPERM', 'no json'))
      await quarantine.add(quarantinedRecall(5, 'NOPERM', 'no json either'))
    })
    const of = (kind: string) =>
      page.locator('.reason').filter({ has: page.locator('h2 small').getByText(kind, { exact: true }) })
    await of('Recall').getByRole('button', { name: 'Retry all with this reason' }).click()
    await page.getByText('3 accepted and gone from the quarantine, 0 still refused.').waitFor()
    await page.getByText('2 entries', { exact: true }).waitFor()
    await of('Webhook').getByRole('button', { name: 'Retry all with this reason' }).click()
    await page.getByText('0 accepted and gone from the quarantine, 2 still refused.').waitFor()
    await page.locator('.reason', { hasText: 'not JSON' }).waitFor()
    expect(await reasonOf(page, 'NOPERM').count()).to.equal(0)
  })

  it('drops an entry, but asks first', async () => {
    const { page } = await open(async (quarantine) => {
      await quarantine.add(quarantinedRecall(1, 'is odd', 'no json'))
    })
    await page.locator('.entry').click()
    await button(page, 'Drop …').click()
    await button(page, 'Keep it').click()
    await button(page, 'Drop …').click()
    await button(page, 'Drop for good').click()
    await page.getByText('Dropped.', { exact: true }).waitFor()
    await page.getByText('The quarantine is empty.').waitFor()
    await badge(page).waitFor({ state: 'detached' })
    await button(page, 'Refresh').click()
    await page.getByText('0 entries', { exact: true }).waitFor()
  })

  it('is led to by Health, and not shown to members', async () => {
    const { page, url } = await open(async (quarantine) => {
      await quarantine.add(quarantinedRecall(1, 'is odd', 'no json'))
    })
    await page.goto(`${url}/#health`)
    await page.locator('.tile').getByRole('link', { name: 'Quarantine' }).click()
    await reasonOf(page, 'is odd').waitFor()
    const member = await newTab(browser, onCleanUp)
    await member.goto(`${url}/#token=${await makeToken({ rooms: [{ group: 'g' }] })}`)
    await member.locator('.shell').waitFor()
    await member.goto(`${url}/#quarantine`)
    await member.getByText('Only admins can see the quarantine.').waitFor()
  })
})
