import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { adminToken, makeToken } from '../support/client.ts'
import { button, named, openView, recall, recallOne, row } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'
import { waitUntil } from '../support/wait.ts'

/** Records notifications and tones, which nobody sees or hears here. */
const RECORD = `
  window.shown = []
  window.tones = 0
  window.asked = 0
  window.Notification = class extends EventTarget {
    static permission = sessionStorage.getItem('permission') ?? 'default'
    static requestPermission() {
      window.asked++
      sessionStorage.setItem('permission', 'granted')
      return Promise.resolve((this.permission = 'granted'))
    }
    constructor(title, { body, tag }) {
      super()
      // As browsers do.
      if (Notification.permission !== 'granted') return
      window.shown.push({ title, body, tag, click: () => this.dispatchEvent(new Event('click')) })
    }
    close() {}
  }
  window.audios = []
  window.AudioContext = class extends AudioContext {
    constructor() {
      super()
      window.audios.push(this)
    }
  }
  const { start } = AudioScheduledSourceNode.prototype
  AudioScheduledSourceNode.prototype.start = function (...args) {
    window.tones++
    return start.apply(this, args)
  }
`

describe('what rings in the console', () => {
  const served = serveConsole()

  const open = async (view: string): Promise<Page> => {
    const page = await served.open(view, { script: RECORD })
    await page.locator('.state.live').waitFor()
    return page
  }
  const addRule = async (page: Page, name: string, q: string): Promise<void> => {
    await named(page, 'Name').fill(name)
    await page.getByLabel('Which recalls').fill(q)
    await button(page, 'Save rule').click()
    await page.locator('.rules li', { hasText: name }).waitFor()
    // A recall that comes before the page may make a sound makes none.
    await page.waitForFunction("audios.some(({ state }) => state === 'running')")
  }
  const rungIn = (page: Page) => page.locator('.rung li')

  it('notifies, sounds, and says so in the title and in every view, once, and leads to the recall', async () => {
    const page = await open('rings')
    await recallOne(served.url, 'told', 1)
    expect(await page.evaluate('asked')).to.equal(0)
    await button(page, 'Allow notifications').click()
    await page.getByText('Desktop notifications are allowed.').waitFor()
    // What arrives before the rule is there does not ring.
    await page.goto(`${served.url}/#feed`)
    await row(page, 'told').waitFor()
    await page.goto(`${served.url}/#rings`)
    await addRule(page, 'Told', 'group:told -operator:bot')
    await page.goto(`${served.url}/#history`)
    const placeOfViews = () => page.getByRole('link', { name: 'Rooms', exact: true }).boundingBox()
    const before = await placeOfViews()
    await recall(served.url, { GroupId: 'told', Operator_Account: 'bot', MsgSeqList: [{ MsgSeq: 2 }] })
    await recallOne(served.url, 'other', 3)
    await recall(served.url, {
      GroupId: 'told',
      Operator_Account: 'al\u200Bice',
      MsgSeqList: [{ MsgSeq: 4 }],
      EventTime: Date.now(),
    })
    await page.locator('.ring-banner').getByText('1 ring not seen yet').waitFor()
    expect((await placeOfViews())?.y, 'the views stay under the pointer').to.equal(before?.y)
    await waitUntil('the title says so', async () => (await page.title()).startsWith('🔔 1 · Live'))
    expect(await page.locator('nav a[data-view="rings"] .badge').innerText()).to.equal('1')
    // Tabs first agree which of them makes noise.
    await page.waitForFunction('shown.length === 1 && tones === 2')
    expect(await page.evaluate('shown[0].title')).to.equal('Recall gateway: Told')
    expect(await page.evaluate('shown[0].body')).to.include('told · by \u2068al‹U+200B›ice\u2069')
    // Within the cool-down, it is added to the ring. After a reload too, and nothing of the past rings again.
    await recallOne(served.url, 'told', 5)
    await page.reload()
    await page.locator('.state.live').waitFor()
    await recallOne(served.url, 'told', 6)
    await page.goto(`${served.url}/#rings`)
    await rungIn(page).getByText('3 recalls').waitFor()
    expect(await rungIn(page).count()).to.equal(1)
    expect(await page.evaluate('[shown.length, tones]')).to.deep.equal([0, 0])
    await waitUntil('the title is quiet', async () => (await page.title()).startsWith('Live'))
    await rungIn(page).getByRole('link', { name: 'Latest' }).click()
    await page.locator('.details').getByText('6', { exact: true }).waitFor()
    await page.goto(`${served.url}/#rings`)
    await rungIn(page).getByRole('link', { name: 'Find all' }).click()
    await row(page, 'told').nth(2).waitFor()
    expect(await row(page, 'other').count()).to.equal(0)
  })

  it('rings for a burst by one operator, and refuses a search that it cannot read', async () => {
    const page = await open('rings')
    await page.getByLabel('Which recalls').fill('operator:')
    expect(await page.locator('.ring-form input:invalid').count()).to.equal(2)
    await page.getByLabel('Rings for').selectOption('burst')
    // Every choice is to be read whole.
    const cut = await page.locator('.ring-form select').evaluateAll((all) =>
      all.filter((select) => {
        const { width } = select.getBoundingClientRect()
        select.style.width = 'max-content'
        const needed = select.getBoundingClientRect().width
        select.style.width = ''
        return width < needed
      }),
    )
    expect(cut).to.have.length(0)
    await named(page, 'How many').fill('3')
    await addRule(page, 'Mass recall', '')
    for (const [i, operator] of ['ann', 'bob', 'ann', 'bob', 'bob'].entries())
      await recall(served.url, {
        GroupId: 'burst',
        Operator_Account: operator,
        MsgSeqList: [{ MsgSeq: i + 1 }],
      })
    await rungIn(page).getByText('3 recalls · by bob').waitFor()
    expect(await rungIn(page).count()).to.equal(1)
    await button(page, 'Remove').click()
    await page.getByText('Nothing rings yet.').waitFor()
  })

  it('says so where a page can have no notifications, whatever is permitted, and asks for no permission', async () => {
    const ANDROID = `
      Notification = class extends Notification {
        constructor(...args) {
          super(...args)
          throw new TypeError('Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.')
        }
      }
    `
    const fresh = await served.open('rings', { script: `${RECORD}${ANDROID}` })
    await button(fresh, 'Allow notifications').click()
    await fresh.getByText('This browser shows no notifications of pages').waitFor()
    expect(await fresh.evaluate('asked')).to.equal(0)
    const script = `sessionStorage.setItem('permission', 'granted')\n${RECORD}${ANDROID}`
    const page = await served.open('rings', { script })
    await page.locator('.state.live').waitFor()
    await page.getByText('Desktop notifications are allowed.').waitFor()
    await addRule(page, 'Android', 'group:android')
    await recallOne(served.url, 'android', 1)
    await page.getByText('This browser shows no notifications of pages').waitFor()
  })

  it('can sound after the first touch', async () => {
    const page = await served.newTab({ hasTouch: true })
    const rule = { name: 'Touched', q: '', notifies: false, hasSound: true, coolDownS: 60 }
    // Whatever a test runs in a page counts as use of it, so the page must tell by itself.
    await page.addInitScript(`
      localStorage.setItem('rings', '${JSON.stringify([rule])}')
      window.AudioContext = class extends AudioContext {
        constructor() {
          super()
          this.addEventListener('statechange', () => console.log('sound: ' + this.state))
        }
      }
      addEventListener('DOMContentLoaded', () =>
        new MutationObserver(() => console.log('title: ' + document.title)).observe(document.head, {
          subtree: true, childList: true, characterData: true,
        }),
      )
    `)
    const told: string[] = []
    page.on('console', (message) => told.push(message.text()))
    await page.goto(`${served.url}/#token=${await adminToken()}`)
    await waitUntil('it is live', () => told.some((line) => line.startsWith('title: Live')))
    expect(told).to.not.include('sound: running')
    await page.touchscreen.tap(640, 400)
    await waitUntil('it can sound', () => told.includes('sound: running'))
  })

  it('makes noise in one tab of a browser, of those that can, by the rules of all of them', async () => {
    const idle = await served.newTab()
    await idle.goto(served.url)
    await idle.locator('.log-in').waitFor()
    const context = idle.context()
    await context.addInitScript(`sessionStorage.setItem('permission', 'granted')\n${RECORD}`)
    const tabs = [await context.newPage(), await context.newPage()] as const
    for (const tab of tabs) {
      await openView(tab, served.url, 'rings', await adminToken())
      await tab.locator('.state.live').waitFor()
    }
    await addRule(tabs[1], 'Second', 'group:tabs')
    await tabs[0].locator('.rules li', { hasText: 'Second' }).waitFor()
    await addRule(tabs[0], 'First', 'group:none')
    await tabs[1].locator('.rules li', { hasText: 'First' }).waitFor()
    expect(await tabs[1].locator('.rules li').count()).to.equal(2)

    const noise = (): Promise<number[][]> =>
      Promise.all(tabs.map((tab) => tab.evaluate<number[]>('[shown.length, tones]')))
    const sums = async (): Promise<number[]> =>
      (await noise()).reduce(
        ([shown = 0, tones = 0], [one = 0, other = 0]) => [shown + one, tones + other],
        [],
      )
    await recallOne(served.url, 'tabs', 1)
    for (const tab of tabs) await rungIn(tab).waitFor()
    await waitUntil('one has rung', async () => (await sums()).join() === '1,2')

    // The one that is left takes its turn.
    const [[before = 0] = []] = await noise()
    const [gone, left] = before === 1 ? tabs : tabs.toReversed()
    await gone?.close()
    await left?.getByRole('button', { name: 'Clear' }).click()
    await addRule(left ?? tabs[0], 'Third', 'group:left')
    await recallOne(served.url, 'left', 1)
    await left?.waitForFunction("shown.at(-1)?.title.endsWith(': Third')")
  })

  it('is not for members', async () => {
    const page = await served.newTab()
    await page.goto(`${served.url}/#token=${await makeToken({ rooms: [{ group: 'told' }] })}`)
    await page.locator('.shell').waitFor()
    expect(await page.getByRole('link', { name: 'Rings' }).count()).to.equal(0)
  })
})
