import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { adminToken, makeToken } from '../support/client.ts'
import { button, countRows, readWholeList, recallOne, rowsOf, upTo } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'

const GROUP = 'tailed'
const RECALLS = 270

describe('the rooms of the console', () => {
  const served = serveConsole()

  before(async () => {
    for (const seq of upTo(RECALLS)) await recallOne(served.url, GROUP, seq)
  })

  const open = async (token: string, address: string): Promise<Page> => {
    const page = await served.open('rooms', { token })
    await page.goto(`${served.url}/#${address}`)
    return page
  }

  it('have a live tail with all rows, back to the beginning of the log', async () => {
    const page = await open(await adminToken(), `rooms?room=group:${GROUP}`)
    await rowsOf(page).first().waitFor()
    await page.locator('.room-tail .dot.live').waitFor()
    expect(await countRows(page)).to.equal(50)
    await recallOne(served.url, GROUP, 1_001)
    await rowsOf(page).first().getByText('1001').waitFor()
    await recallOne(served.url, 'other', 1)
    while ((await button(page, 'Load older').count()) > 0) {
      await button(page, 'Load older').click()
      await page.locator('.list-footer button:enabled, .list-footer :text("Nothing older")').first().waitFor()
    }
    const { seqs } = await readWholeList(page)
    expect(seqs).to.deep.equal([1_001, ...upTo(RECALLS).toReversed()])
    // The address alone watches nothing for longer than it is shown.
    await page.getByRole('link', { name: '← Rooms' }).click()
    await page.getByText('No rooms watched.').waitFor()
  })

  it('show an open recall of the tail again after a reload', async () => {
    const page = await open(await adminToken(), `rooms?room=group:${GROUP}`)
    await rowsOf(page).nth(1).click()
    await page.locator('.details').getByText('tailed', { exact: true }).first().waitFor()
    await page.reload()
    await page.locator('.details').getByText('tailed', { exact: true }).first().waitFor()
    expect(page.url()).to.include('open=group:tailed@')
  })

  it('are offered to members as their token grants them, with nothing that is for admins', async () => {
    const page = await open(
      await makeToken({ rooms: [{ group: GROUP }, { group: 'g', topic: 't' }] }),
      'rooms',
    )
    const mine = page.getByRole('region', { name: 'Rooms of your token' })
    await mine.getByRole('button', { name: GROUP }).click()
    await page.locator('.room.live').waitFor()
    await mine.getByRole('button', { name: 't' }).waitFor()
    expect(await mine.getByRole('button').count()).to.equal(1)
    await page.getByRole('link', { name: 'All recalls, live' }).click()
    await rowsOf(page).first().click()
    await page.locator('.details .path').waitFor()
    expect(await page.getByText('Recalled by').count()).to.equal(0)
    expect(await button(page, 'Take a user out …').count()).to.equal(0)
    const views = await page.getByRole('navigation').getByRole('link').allInnerTexts()
    expect(views).to.deep.equal(['Rooms', 'History'])
  })
})
