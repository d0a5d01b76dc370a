import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { button, recallOne, rowsOf, state } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'
import { waitUntil } from '../support/wait.ts'

const PER_S = 200
const STEP_MS = 50

describe('the rows of the console', () => {
  const served = serveConsole()
  let seq = 0

  before(async () => {
    await recallMany(40)
  })

  const recallMany = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await recallOne(served.url, 'lobby', ++seq)
  }
  /** Recalls 200 times a second until the end of the test. */
  const startTraffic = (): void => {
    const sending = new Set<Promise<void>>()
    const timer = setInterval(() => {
      for (let i = 0; i < (PER_S * STEP_MS) / 1_000; i++) {
        const sent = recallOne(served.url, 'lobby', ++seq).finally(() => sending.delete(sent))
        sending.add(sent)
      }
    }, STEP_MS)
    served.onCleanUp(async () => {
      clearInterval(timer)
      await Promise.allSettled(sending)
    })
  }
  const openFeed = async (width = 1_280): Promise<Page> => {
    const page = await served.open('feed', { viewport: { width, height: 800 } })
    await state(page, 'Live').waitFor()
    await rowsOf(page).nth(10).waitFor()
    return page
  }
  const details = (page: Page) => page.getByRole('complementary', { name: 'Recall' })
  /** The messages of the row at a point of the page. */
  const at = (page: Page, x: number, y: number) =>
    page.evaluate<string>(
      `document.elementFromPoint(${x}, ${y})?.closest('.row.notice')?.querySelector('.seqs').textContent ?? ''`,
    )
  const newer = async (page: Page): Promise<number> => {
    const label = (await page.locator('.newer').allInnerTexts())[0] ?? '0'
    return Number(/[\d,]+/.exec(label)?.[0].replaceAll(',', ''))
  }
  const opened = (page: Page) => details(page).locator('.messages b').innerText()

  it('hold still under the pointer, so that each click opens the recall aimed at, at 200 a second', async () => {
    const page = await openFeed()
    startTraffic()
    const hits: boolean[] = []
    for (let click = 0; click < 8; click++) {
      const [x, y] = [420 + 20 * click, 200 + 60 * click]
      await page.mouse.move(x, y)
      const aimed = await at(page, x, y)
      // A person takes some time to click, and some to let go.
      await waitUntil('many rows are newer', async () => (await newer(page)) >= 10)
      await page.mouse.down()
      const pressedAt = await newer(page)
      await waitUntil('more have come', async () => (await newer(page)) >= pressedAt + 5)
      await page.mouse.up()
      await details(page).waitFor()
      hits.push(aimed !== '' && (await opened(page)) === aimed)
      // The open row stays where it is.
      expect(await at(page, x, y)).to.equal(aimed)
      await page.keyboard.press('Escape')
      await details(page).waitFor({ state: 'detached' })
      await page.mouse.move(5, 5)
      await waitUntil('the rows move again', async () => (await at(page, x, y)) !== aimed)
    }
    expect(hits).to.deep.equal(Array.from({ length: 8 }, () => true))
  })

  it('show what is newer on a click above them, and with the key Home', async () => {
    const page = await openFeed()
    await page.mouse.move(500, 300)
    await recallMany(3)
    await button(page, '3 new').click()
    expect(await rowsOf(page).first().locator('.seqs').innerText()).to.equal(String(seq))
    await page.mouse.move(5, 5)

    await page.locator('.list').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    const active = page.locator('.row.active .seqs')
    const [text, box] = [await active.innerText(), await active.boundingBox()]
    await recallMany(2)
    await button(page, '2 new').waitFor()
    expect([await active.innerText(), await active.boundingBox()]).to.deep.equal([text, box])
    await page.keyboard.press('Home')
    await page.locator('.newer').waitFor({ state: 'detached' })
    expect(await active.innerText()).to.equal(String(seq))
    await recallMany(1)
    await waitUntil('rows move again', async () => {
      return (await rowsOf(page).first().locator('.seqs').innerText()) === String(seq)
    })
  })

  it('open once with a double click, and push nothing', async () => {
    for (const width of [1_100, 1_280]) {
      const page = await openFeed(width)
      const steps = await page.evaluate<number>('history.length')
      const places = () =>
        page.evaluate(
          `['.list-header', '.row.notice', '.search-field input'].map((one) => document.querySelector(one).getBoundingClientRect().top)`,
        )
      const [x, y] = [width - 60, 300]
      const [aimed, before] = [await at(page, x, y), await places()]
      // Where the panel will be.
      await page.mouse.dblclick(x, y)
      await details(page).waitFor()
      expect(await opened(page)).to.equal(aimed)
      expect(await page.evaluate('history.length')).to.equal(steps + 1)
      expect(await page.locator('.details').count()).to.equal(1)
      expect(await places()).to.deep.equal(before)
      await page.keyboard.press('Escape')
      await details(page).waitFor({ state: 'detached' })

      const search = await page.getByRole('searchbox').boundingBox()
      await button(page, 'Pause').click()
      await recallMany(1)
      await button(page, 'Resume (1 new)').waitFor()
      expect(await page.getByRole('searchbox').boundingBox()).to.deep.equal(search)
    }
  })

  it('look different when they are open, active or fresh, also in high contrast', async () => {
    const page = await openFeed()
    const look = (selector: string, pseudo = '', timeout = 30_000) =>
      page
        .locator(selector)
        .first()
        .evaluate(
          (element, which) => {
            const style = (
              globalThis as unknown as {
                getComputedStyle: (element: unknown, pseudo?: string) => Record<string, string>
              }
            ).getComputedStyle(element, which || undefined)
            const { backgroundColor, outlineStyle, outlineColor, borderLeftWidth, boxShadow, content } = style
            const lengths = ['left', 'width', 'paddingLeft'].map((name) => parseFloat(style[name] ?? ''))
            return {
              backgroundColor,
              outlineStyle,
              outlineColor,
              borderLeftWidth,
              boxShadow,
              content,
              lengths,
            }
          },
          pseudo,
          { timeout },
        )
    // A row is fresh for 3 s.
    const lookAtFresh = () =>
      waitUntil('a fresh row', async () => {
        await recallMany(1)
        return look('.row.fresh', '::before', 1_000).catch(() => undefined)
      })
    expect((await lookAtFresh()).content).to.equal('""')
    for (const width of [390, 1_280]) {
      await page.setViewportSize({ width, height: 800 })
      const [left = NaN, dot = NaN] = (await lookAtFresh()).lengths
      expect((await look('.row.notice')).lengths[2]).to.be.above(left + dot + 1)
    }
    await rowsOf(page).nth(3).click()
    await details(page).waitFor()
    // The panel takes the focus a frame later.
    await page.waitForFunction("document.activeElement?.classList.contains('details')")
    await page.locator('.list').focus()
    await page.keyboard.press('ArrowDown')
    for (const forcedColors of ['none', 'active'] as const) {
      await page.emulateMedia({ forcedColors })
      const plain = await look('.row.notice:not(.open, .active, .fresh)')
      const open = await look('.row.open')
      const active = await look('.row.active')
      expect(open.backgroundColor, forcedColors).to.not.equal(plain.backgroundColor)
      expect(active.backgroundColor, forcedColors).to.not.equal(open.backgroundColor)
      expect([plain.outlineStyle, active.outlineStyle]).to.deep.equal(['none', 'solid'])
      const [current, other] = [await look('nav a[aria-current]'), await look('nav a:not([aria-current])')]
      expect(current.backgroundColor, forcedColors).to.not.equal(other.backgroundColor)
    }
  })
})
