import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { button, recall, recallOne, row, rowsOf, search, state } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'
import { waitUntil } from '../support/wait.ts'

describe('the feed of the console', () => {
  const served = serveConsole()

  const openFeed = async (): Promise<Page> => {
    const page = await served.open('feed')
    await state(page, 'Live').waitFor()
    return page
  }

  it('is paused without losing recalls', async () => {
    const page = await openFeed()
    await button(page, 'Pause').click()
    await recallOne(served.url, 'paused', 1)
    await recallOne(served.url, 'paused', 2)
    await button(page, 'Resume (2 new)').waitFor()
    expect(await row(page, 'paused').count()).to.equal(0)
    await page.getByText('New recalls are queued').waitFor()

    await button(page, 'Resume (2 new)').click()
    await row(page, 'paused').nth(1).waitFor()
    expect(await row(page, 'paused').locator('.seqs').allInnerTexts()).to.deep.equal(['2', '1'])
  })

  it('is filtered, new recalls included, and shows everything again once the filter is cleared', async () => {
    const page = await openFeed()
    await recall(served.url, { GroupId: 'filter-a', Operator_Account: 'mod_a' })
    const other = { Operator_Account: 'mod_b', Type: 'Community', TopicId: 'filter-topic' }
    await recall(served.url, { GroupId: 'filter-b', ...other })
    await row(page, 'filter-b').waitFor()

    const groups = async (): Promise<string[]> => page.locator('.rows .conversation').allInnerTexts()
    for (const text of [
      'TER-B',
      'topic:filter-topic',
      'operator:mod_b',
      'type:community',
      'filter -filter-a',
    ]) {
      await search(page, text)
      await page.getByText(/^1 of [\d,]+ recalls$/).waitFor()
      expect(await groups()).to.deep.equal(['filter-b'])
      await search(page, '')
    }
    await search(page, 'recalled>=2100-01-01')
    await page.getByText('None of the recalls that are kept match.').waitFor()
    await search(page, 'recalled>=2026-01-02 recalled<2026-01-01')
    await page.getByText('Recalled: from is after until').waitFor()
    await search(page, 'grop:filter-a')
    await page.getByRole('alert').filter({ hasText: 'grop:filter-a There is no such key.' }).waitFor()
    expect(await groups()).to.deep.equal([])
    await search(page, 'filter-a')
    await recallOne(served.url, 'filter-b', 131)
    await recallOne(served.url, 'filter-a', 132)
    await page.getByText(/^2 of [\d,]+ recalls$/).waitFor()
    expect(await groups()).to.deep.equal(['filter-a', 'filter-a'])
  })

  it('opens a recall from the keyboard, and shows its delivery path', async () => {
    const page = await openFeed()
    await recall(served.url, {
      GroupId: 'opened',
      TopicId: 'news',
      MsgSeqList: [{ MsgSeq: 7, MsgId: '144-7' }],
    })
    await row(page, 'opened').waitFor()

    await page.locator('.list').focus()
    for (const key of ['End', 'Home', 'ArrowDown', 'ArrowUp', 'Enter']) await page.keyboard.press(key)
    const details = page.getByRole('complementary', { name: 'Recall' })
    await details.locator('.stop').nth(2).waitFor()
    const text = await details.innerText()
    for (const part of [
      'opened',
      'news',
      '144-7',
      'iOS',
      '203.0.113.7',
      'before the webhook was acknowledged',
    ])
      expect(text).to.include(part)
    // That this is the only node, the page learns from the status.
    await details.getByText('1 socket listening now').waitFor()
    const stops = (await details.locator('.stop').allInnerTexts()).map((stop) => stop.replaceAll('\n', ' '))
    const sockets = /offset [\d,]+ · (\d) sockets? listening now/
    expect(stops.map((stop) => sockets.exec(stop)?.[1])).to.deep.equal(['0', '0', '1'])
    expect(stops[0]).to.include('Group opened · topic news offset 1 ·')
    for (const width of [390, 900, 1_280]) {
      await page.setViewportSize({ width, height: 800 })
      // Clicks only what nothing covers.
      await page.locator('.top-bar .state').click({ trial: true })
    }

    await page.keyboard.press('Escape')
    await details.waitFor({ state: 'detached' })
    // An effect returns the focus, a moment after the panel is gone.
    const focused = () => page.evaluate('document.activeElement.className')
    await waitUntil('the list has the focus', async () => (await focused()) === 'list')
  })

  it('shows hostile names as text, and keeps them from reordering their surroundings', async () => {
    const page = await openFeed()
    const dialogs: string[] = []
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    const names = [
      '<img src=x onerror=alert(1)>',
      '\u202Eevil\u2066',
      'א'.repeat(48),
      '{{7*7}}',
      '  two  spaces ',
    ]
    for (const name of names) {
      await recall(served.url, { GroupId: name, TopicId: name, Operator_Account: name })
    }
    await waitUntil('all names are shown', async () => {
      const shown = await page.locator('.rows .conversation bdi').allTextContents()
      return names.toReversed().every((name, i) => shown[i] === name)
    })
    await rowsOf(page)
      .nth(names.length - 1)
      .click()
    await page.locator('.details .stop').nth(2).waitFor()
    expect(await page.locator('img').count()).to.equal(0)
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).to.equal(true)
    expect(dialogs).to.deep.equal([])
  })
})
