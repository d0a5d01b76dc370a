import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { cleanUpAfterAll } from '../support/clean-up.ts'
import { adminToken } from '../support/client.ts'
import { newTab, openView, recall, row, rowsOf, upTo } from '../support/console-page.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'

const GROUP = 'printed'
const RECALLS = 60
const MANY = upTo(80).map((seq) => 1_000 + seq)

describe('what the console prints', () => {
  const onCleanUp = cleanUpAfterAll()
  let page: Page

  before(async () => {
    const gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
    for (const seq of upTo(RECALLS))
      await recall(gateway.url, { GroupId: GROUP, MsgSeqList: [{ MsgSeq: seq }] })
    await recall(gateway.url, {
      GroupId: 'many',
      MsgSeqList: MANY.map((seq) => ({ MsgSeq: seq, MsgId: `144115233406643804-1700000000-${seq}` })),
    })
    page = await newTab(await openBrowser(), onCleanUp, { colorScheme: 'dark' })
    await openView(page, gateway.url, 'feed', await adminToken())
    await row(page, 'many').waitFor()
  })

  /** Shows the page as it is printed, and returns what is then to be read. */
  const readPrint = async (): Promise<string> => {
    await page.emulateMedia({ media: 'print' })
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    return page.locator('body').innerText()
  }
  const endPrint = async (): Promise<void> => {
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    await page.emulateMedia({ media: null })
  }
  /** Prints to PDF, and returns how many pages that takes. */
  const countPages = async (): Promise<number> =>
    (await page.pdf({ preferCSSPageSize: true })).toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0

  it('is every row of a list with all its messages, from where, when, and who printed it', async () => {
    expect(await rowsOf(page).count()).to.be.below(RECALLS)
    const text = await readPrint()
    expect(text).to.include(page.url())
    expect(text).to.match(/Printed \d+ \w+ \d{4}, \d\d:\d\d:\d\d\.\d{3} UTC/)
    expect(text).to.include('by admin-1')
    expect(text).to.include(MANY.join(', '))
    expect(await page.locator('.print-list tbody tr').count()).to.equal(RECALLS + 1)
    for (const hidden of ['.side-bar', '.list-frame', '.tools', 'button'])
      expect(await page.locator(hidden).first().isVisible(), hidden).to.equal(false)
    const [paper, ink] = await page.evaluate<string[]>(
      "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('td')).color]",
    )
    expect(paper).to.equal('rgb(255, 255, 255)')
    expect(ink).to.equal('rgb(0, 0, 0)')
    await endPrint()
    expect(await page.locator('.print-list').count()).to.equal(0)
    expect(await countPages()).to.be.above(1)
  })

  it('is the open recall alone, as a whole', async () => {
    await row(page, 'many').click()
    await page.locator('.path .stop').first().waitFor()
    const text = await readPrint()
    for (const seq of MANY) expect(text).to.include(`144115233406643804-1700000000-${seq}`)
    expect(text).to.include('Delivery path')
    expect(text).to.not.include(GROUP)
    const isCut = await page
      .locator('.details .messages')
      .evaluate(({ scrollHeight, clientHeight }) => scrollHeight > clientHeight + 1)
    expect(isCut).to.equal(false)
    await endPrint()
    expect(await countPages()).to.be.within(1, 3)
  })
})
