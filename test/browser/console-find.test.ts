import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { button, recall, recallOne, row, rowsOf, search, state } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'
import { waitUntil } from '../support/wait.ts'

/** More than a page loads of the feed at first. */
const NEWER = 1_020

describe('finding a recall in the console', () => {
  const served = serveConsole({ HISTORY_SIZE: '3000' })

  before(async () => {
    await recall(served.url, { GroupId: 'needle', Operator_Account: 'alice', MsgSeqList: [{ MsgSeq: 130 }] })
    for (let sent = 0; sent < NEWER; sent += 20)
      await Promise.all(Array.from({ length: 20 }, (_, i) => recallOne(served.url, 'hay', sent + i + 1)))
  })

  const open = async (view = 'feed'): Promise<Page> => {
    const page = await served.open(view)
    await state(page, 'Live').waitFor()
    return page
  }

  /** The page writes into the box with its next frame. */
  const holds = (page: Page, q: string) =>
    waitUntil(`the search box holds ${q}`, async () => (await page.getByRole('searchbox').inputValue()) === q)

  it('goes on in the logs where the feed ends, and says how far back', async () => {
    const page = await open()
    await page.getByText('the latest 1,000 recalls', { exact: true }).waitFor()
    const held: (() => unknown)[] = []
    await page.route(/v1\/search/, (route) => void held.push(() => route.continue()))
    await search(page, 'seq:130 -hay')
    await waitUntil('the logs are searched', () => held.length > 0)
    // Nobody says that there are none before they were looked for.
    await page.getByText('None found so far. Searching on …').waitFor()
    await page.getByText('0 of the latest 1,000 recalls').waitFor()
    await page.unroute(/v1\/search/)
    for (const release of held) release()
    await row(page, 'needle').waitFor()
    await page.getByText(/^All that is kept, since \d\d:\d\d:\d\d, was searched\.$/).waitFor()
    await row(page, 'needle').click()
    await page.getByRole('complementary', { name: 'Recall' }).getByText('alice').waitFor()
    await page.keyboard.press('Escape')

    // What comes later is added, and nothing is there twice.
    await search(page, 'seq:130')
    await page.getByText('2 found.').waitFor()
    await recallOne(served.url, 'late', 130)
    await page.getByText('3 found.').waitFor()
    // The pointer is still where the row was.
    await button(page, '1 new').click()
    const found = await rowsOf(page).locator('.conversation').allInnerTexts()
    expect(found).to.deep.equal(['late', 'hay', 'needle'])
    await search(page, 'operator:nobody')
    await page.getByText('None of the recalls that are kept match.').waitFor()
    // The log of a group may reach further than that of the feed, once that has dropped recalls.
    await page.route(/v1\/search/, async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, json: { ...(await response.json()), beyond: 'conversations' } })
    })
    await search(page, 'needle 131')
    await page.getByText('None of the recalls in the log of the feed match.').waitFor()
    await page.getByText(/^The log of the feed was searched to its end, back to \d\d:\d\d:\d\d\. /).waitFor()
    await button(page, 'group:needle').click()
    await holds(page, 'group:needle 131')
  })

  it('says what waits in a paused feed, and finds what was recalled most', async () => {
    const page = await open()
    await search(page, 'group:waits')
    await page.getByText('None of the recalls that are kept match.').waitFor()
    await button(page, 'Pause').click()
    await recallOne(served.url, 'waits', 1)
    await page.locator('.list-frame').getByText('1 recall that matches waits: resume to see it.').waitFor()
    await button(page, 'Resume (1 new)').click()
    await row(page, 'waits').waitFor()
    await search(page, '')
    await button(page, 'Busiest groups and operators').click()
    const groups = page.getByRole('region', { name: 'Groups' })
    await groups.getByRole('button', { name: /^hay 1,020 recalls, / }).click()
    await holds(page, 'group:hay')
    // A link that a moderator was sent may hold what no box shows.
    await page.goto(`${served.url}/#feed?q=group:ha%E2%80%8By`)
    await page.getByRole('alert').filter({ hasText: 'With characters that are not seen' }).waitFor()
  })

  it('leads by keys from the search to one message of many, and marks it', async () => {
    const MsgSeqList = Array.from({ length: 300 }, (_, i) => ({ MsgSeq: 1 + i }))
    await recall(served.url, { GroupId: 'many', MsgSeqList })
    const page = await open()
    await page.keyboard.press('/')
    await page.keyboard.type('many 250')
    // What is typed before the last digit matches too.
    await rowsOf(page).locator('mark').filter({ hasText: /^250$/ }).waitFor()
    expect(await rowsOf(page).locator('.seqs').innerText()).to.match(/^250, 1, 2, .* …$/)
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key)
    const mark = page.getByRole('complementary', { name: 'Recall' }).locator('mark')
    await mark.waitFor()
    expect(await mark.innerText()).to.equal('250')
    // It is scrolled to a frame later.
    const distance = () =>
      mark.evaluate(
        (element) =>
          element.getBoundingClientRect().top - (element.closest('ul')?.getBoundingClientRect().top ?? NaN),
      )
    await waitUntil('it is scrolled to', async () => Math.abs((await distance()) - 14) <= 16)
  })

  it('says why a search failed, and tries again', async () => {
    const page = await open('history')
    const json = { code: 'ADMIN_NEEDED', message: 'no', retry: false }
    await page.route(/v1\/search/, (route) => route.fulfill({ status: 403, json }))
    await search(page, 'needle')
    await page.getByText('The search failed: Admins only.').waitFor()
    expect(await page.getByText('None of the recalls').count()).to.equal(0)
    await page.unroute(/v1\/search/)
    await button(page, 'Try now').click()
    await row(page, 'needle').waitFor()
    // It does not go on by itself.
    await recallOne(served.url, 'needle', 131)
    await page.getByText(/^As of \d\d:\d\d:\d\d\.$/).waitFor()
    await button(page, 'Search again').click()
    await page.getByText('2 found.').waitFor()
  })

  it('has help, helpers that write terms, saved searches, and keys', async () => {
    const page = await open()
    await page.keyboard.press('/')
    await page.keyboard.type('hay')
    expect(await page.getByRole('searchbox').inputValue()).to.equal('hay')
    await button(page, 'How to search').click()
    await page.getByLabel('Kind').selectOption('Group')
    await page.getByLabel('Recalled from').fill('2022-01-01T00:00')
    await page.getByLabel('Recalled until').fill('2022-01-01T00:00')
    const written = 'hay kind:group recalled>=2022-01-01T00:00Z recalled<2022-01-01T00:00Z'
    await holds(page, written)
    await page.getByText('Recalled: from is after until').waitFor()
    await page.getByLabel('Recalled until').fill('')
    await button(page, '-operator:bot').click()
    const saved = 'hay kind:group recalled>=2022-01-01T00:00Z -operator:bot'
    await holds(page, saved)

    // Escape first ends what is being composed, as with Pinyin.
    const cancelComposing = async (label: string): Promise<void> => {
      const field = page.getByLabel(label)
      await field.dispatchEvent('keydown', { key: 'Escape', isComposing: true, bubbles: true })
      // As in Safari.
      await field.dispatchEvent('keydown', { key: 'Escape', keyCode: 229, bubbles: true })
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
      expect(await field.isVisible(), label).to.equal(true)
    }
    await cancelComposing('Recalled until')
    await page.keyboard.press('Escape')
    await button(page, 'Saved searches').click()
    await page.getByLabel('Name').fill('on <b>hay</b>')
    await cancelComposing('Name')
    await button(page, 'Save this search').click()
    await search(page, 'other')
    await page.reload()
    await button(page, 'Saved searches').click()
    await page.getByRole('button', { name: /^on <b>hay<\/b> / }).click()
    await holds(page, saved)
    await button(page, 'Forget on <b>hay</b>').click()
    await page.getByText('None saved in this browser yet.').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.list').focus()
    await page.keyboard.press('?')
    await page.getByRole('group', { name: 'Keyboard shortcuts' }).waitFor()
  })

  it('saves what it finds as a file, with the token in a header, and says if the file is not whole', async () => {
    const page = await open()
    // As in a browser that cannot stream to disk: what the others ask for is a window of the system.
    await page.evaluate('globalThis.showSaveFilePicker = undefined')
    const whole = '"row"\r\n"recall"\r\n"end","complete: 1 recalls"\r\n'
    let body = whole
    const asked: string[] = []
    await page.route(/v1\/export/, async (route) => {
      asked.push(`${route.request().url()} ${String((await route.request().allHeaders())['authorization'])}`)
      await route.fulfill({ body, contentType: 'text/csv' })
    })
    await search(page, 'group:needle')
    await button(page, 'Export').click()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      button(page, 'CSV, for spreadsheets').click(),
    ])
    expect(download.suggestedFilename()).to.match(/^recalls-[\dT-]+\.csv$/)
    expect(readFileSync(await download.path(), 'utf8')).to.equal(whole)
    await page.getByText(/^Saved, /).waitFor()
    // What became of the file covers neither what was searched, nor the views of a phone.
    const saving = page.getByRole('list', { name: 'Files that are saved' })
    for (const size of [
      { width: 1280, height: 800 },
      { width: 390, height: 800 },
    ]) {
      await page.setViewportSize(size)
      const bottom = await saving.evaluate((card) => card.getBoundingClientRect().bottom)
      const footer = page.locator('.list-footer')
      expect(bottom).to.be.at.most(await footer.evaluate((one) => one.getBoundingClientRect().top))
    }
    await page.setViewportSize({ width: 1280, height: 800 })
    expect(asked[0]).to.match(/export\?q=group%3Aneedle&format=csv Bearer \S+$/)
    body = whole.slice(0, 20)
    await button(page, 'CSV, for spreadsheets').click()
    await page.getByText('The export broke off.').waitFor()
    // Cancel, in the window of the system.
    await page.evaluate(
      "globalThis.showSaveFilePicker = () => Promise.reject(new DOMException('', 'AbortError'))",
    )
    await button(page, 'CSV, for spreadsheets').click()
    await page.getByText(/^Nothing was saved\./).waitFor()
    // A company may forbid its browsers to let pages write to files: downloads remain.
    body = whole
    await page.evaluate(
      "globalThis.showSaveFilePicker = () => Promise.reject(new DOMException('', 'NotAllowedError'))",
    )
    const downloading = page.waitForEvent('download')
    await button(page, 'CSV, for spreadsheets').click()
    expect((await downloading).suggestedFilename()).to.match(/\.csv$/)

    // A file ends with its page, which is not left by mistake meanwhile.
    await page.route(/v1\/export/, () => new Promise(() => undefined))
    await button(page, 'CSV, for spreadsheets').click()
    await saving.getByRole('button', { name: 'Stop' }).waitFor()
    const asking = page.waitForEvent('dialog')
    await page.close({ runBeforeUnload: true })
    const dialog = await asking
    expect(dialog.type()).to.equal('beforeunload')
    await dialog.dismiss()
    await saving.getByRole('button', { name: 'Stop' }).click()
    await saving.getByText('stopped: nothing was saved.').waitFor()
  })
})
