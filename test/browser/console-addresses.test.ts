import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { adminToken, makeToken } from '../support/client.ts'
import { button, named, recall, recallOne, row, rowsOf, search } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'
import { waitUntil } from '../support/wait.ts'

describe('addresses of the console', () => {
  const served = serveConsole({ TEST_RECALLS: 'on' })

  before(async () => {
    for (const group of ['lobby', 'hall'])
      await recall(served.url, { GroupId: group, Operator_Account: 'alice' })
    await recall(served.url, { GroupId: 'lobby', Operator_Account: 'bot', MsgSeqList: [{ MsgSeq: 777 }] })
  })

  const details = (page: Page) => page.getByRole('complementary', { name: 'Recall' })
  /** The page shows the recall of 777 in lobby, and of the feed only what is by the bot. */
  const showsRecall = async (page: Page): Promise<void> => {
    await details(page).getByText('777', { exact: true }).waitFor()
    expect(await page.getByRole('searchbox').inputValue()).to.equal('operator:bot')
    await page.getByText(/^1 of [\d,]+ recalls$/).waitFor()
    expect(await rowsOf(page).count()).to.equal(1)
    // The search may have found it before the feed was loaded: it is the same recall.
    expect(await page.locator('.newer').count()).to.equal(0)
  }
  const openRecall = async (): Promise<Page> => {
    const page = await served.open('feed')
    await search(page, 'operator:bot')
    // The page filters with its next frame.
    await page.getByText(/^1 of [\d,]+ recalls$/).waitFor()
    await row(page, 'lobby').click()
    await showsRecall(page)
    return page
  }

  it('show the same after a reload, in a second tab, and to a colleague who has to log in', async () => {
    const page = await openRecall()
    await page.reload()
    await showsRecall(page)
    const address = page.url()
    expect(await page.evaluate('location.hash')).to.match(/^#feed\?q=operator:bot&open=feed@[^:]+:3$/)

    const second = await page.context().newPage()
    await second.goto(address)
    await second.getByLabel('Token', { exact: true }).fill(await adminToken())
    await button(second, 'Connect').click()
    await showsRecall(second)
    expect(second.url()).to.equal(address)
    // A link may carry both. The token is gone at once.
    const colleague = await served.newTab()
    await colleague.goto(`${address}&token=${await adminToken()}`)
    await showsRecall(colleague)
    expect(decodeURIComponent(colleague.url())).to.equal(decodeURIComponent(address))
    // A sign-in elsewhere comes back with a token alone.
    await colleague.goto('about:blank')
    await colleague.goto(`${served.url}/#token=${await adminToken()}`)
    await showsRecall(colleague)
    expect(colleague.url()).to.equal(address)
  })

  it('take steps back and forward, and typing is none', async () => {
    const page = await openRecall()
    await page.goBack()
    await details(page).waitFor({ state: 'detached' })
    expect(await page.getByRole('searchbox').inputValue()).to.equal('operator:bot')
    await page.goForward()
    await showsRecall(page)
    await page.getByRole('link', { name: 'History' }).click()
    await page.getByRole('heading', { level: 1, name: 'History' }).waitFor()
    // The link of a view leads to what it showed.
    await page.getByRole('link', { name: 'Live feed' }).click()
    await showsRecall(page)
  })

  it('keep the question and the search of the history when the view changes', async () => {
    const page = await served.open('history')
    const lookup = page.getByRole('region', { name: 'Which messages are recalled?' })
    const asked = async (): Promise<void> => {
      await lookup.getByText('770–780 in Group lobby').waitFor()
      await lookup.getByText('by bot').waitFor()
      expect(await lookup.getByLabel('Group', { exact: true }).inputValue()).to.equal('lobby')
      expect(await lookup.getByLabel('To seq').inputValue()).to.equal('780')
      expect(await page.getByRole('searchbox').inputValue()).to.equal('group:hall')
      await row(page, 'hall').waitFor()
    }
    await named(page, 'Group').fill('lobby')
    await named(page, 'From seq').fill('770')
    await named(page, 'To seq').fill('780')
    await button(page, 'Look up').click()
    await search(page, 'group:hall')
    await asked()
    await page.getByRole('link', { name: 'Live feed' }).click()
    await page.getByRole('heading', { level: 1, name: 'Live feed' }).waitFor()
    await page.getByRole('link', { name: 'History' }).click()
    await asked()
    await page.reload()
    await asked()

    const member = await served.newTab()
    const token = await makeToken({ rooms: [{ group: 'hall' }] })
    await member.goto(`${served.url}/#history?log=group:hall&token=${token}`)
    await row(member, 'hall').waitFor()
    await member.getByText('Nothing older is kept.').waitFor()
    expect(await member.locator('.search input[name=group]').inputValue()).to.equal('hall')
  })

  it('say what is wrong with them, whatever they hold, and do nothing but show', async () => {
    const page = await served.open('feed')
    const alarms: string[] = []
    page.on('pageerror', (error) => alarms.push(error.message))
    page.on('dialog', (dialog) => alarms.push(dialog.message()))
    page.on('request', (request) => {
      if (request.method() !== 'GET' || !request.url().startsWith(served.url)) alarms.push(request.url())
    })
    const stored = () => page.evaluate('JSON.stringify(localStorage)')
    const before = await stored()
    const says = (text: string | RegExp) => page.getByRole('alert').filter({ hasText: text }).waitFor()
    for (const [fragment, text] of [
      ['nowhere', 'names a view that does not exist: nowhere'],
      ['feed?x=%3Cimg src=x onerror=alert(1)%3E', 'does not know: x'],
      ['feed?<img%20src=x%20onerror=alert(1)>=1', 'does not know: <img src'],
      ['feed?q=a&q=b', 'names a part twice'],
      ['feed?open=feed@e', 'cannot be read: open=feed@e'],
      [
        'feed?open=feed@gone:1',
        'Its log was lost since and started over, or the address is of another gateway.',
      ],
      [`feed?q=${'x'.repeat(17_000)}`, 'too long'],
      ['feed?q=grop:x', 'grop:x There is no such key.'],
      ['history?room=group:g&names=5-1', 'cannot be read: 5-1'],
      ['history?room=group:__proto__&names=1', undefined],
      ['feed?__proto__=1&constructor=2', 'does not know: constructor'],
      ['javascript:alert(1)', 'does not exist: javascript:alert(1)'],
      ['feed?q=%E4%', undefined],
      ['test?room=group:lobby&names=1', undefined],
    ] as const) {
      await page.evaluate((hash) => {
        ;(globalThis as unknown as { location: { hash: string } }).location.hash = hash
      }, fragment)
      if (text !== undefined) await says(text)
      await page.locator('.shell h1').waitFor()
    }
    // Asked of the page itself: the driver hears of another address later.
    const hash = await (await openRecall()).evaluate<string>('location.hash')
    const epoch = hash.match(/@([^:]+):/)?.[1] ?? ''
    await page.goto(`${served.url}/#feed?open=feed@${epoch}:999`)
    await says('The log has not come that far')
    await page.goto(`${served.url}/#feed?q=-x&open=group:secret@e:1`)
    await says('The recall in the address cannot be shown.')
    await recallOne(served.url, 'still-live', 1)
    await row(page, 'still-live').waitFor()
    expect(await stored()).to.equal(before)
    expect(alarms).to.deep.equal([])
  })

  it('are empty after logging out', async () => {
    const page = await openRecall()
    await button(page, 'Log out').click()
    await page.locator('.log-in').waitFor()
    await waitUntil('the address is empty', () => new URL(page.url()).hash === '')
  })
})
