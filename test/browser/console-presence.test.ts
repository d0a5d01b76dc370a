import { expect } from 'chai'
import { connect, makeToken } from '../support/client.ts'
import { button, recall, row, search } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'

const LOBBY = { group: 'lobby' }

describe('who is connected, in the console', () => {
  const served = serveConsole()
  before(async () => {
    await recall(served.url, { GroupId: 'lobby', Operator_Account: 'alice', MsgSeqList: [{ MsgSeq: 1 }] })
  })

  const join = async (sub: string) => {
    const client = await connect(served.url, await makeToken({ sub, rooms: [LOBBY] }))
    served.onCleanUp(() => client.close())
    await client.subscribe(LOBBY)
    return client
  }

  it('is told of the operator of a recall, with the rooms, and of each room who is in it', async () => {
    const alice = await join('alice')
    await join('bob')
    const page = await served.open('feed')
    await row(page, 'lobby').click()
    await page.locator('.details').getByRole('link', { name: 'alice: Connected?' }).click()
    const card = page.locator('.presence')
    await card.getByText('1 connection on 1 of 1 node that answered').waitFor()
    expect(new URL(page.url()).hash).to.equal('#access?user=alice')
    const connection = await card.locator('.connection').innerText()
    expect(connection).to.match(/WebSocket · protocol 1 · Member · since \d\d:\d\d:\d\d.* · token until/s)
    expect(await card.locator('tbody tr').innerText()).to.match(/^Group lobby\s+1\s+0\s+\d\d:\d\d:\d\d/)

    await card.getByRole('link', { name: 'Group lobby' }).click()
    await card.getByText('2 connections on 1 node that answered').waitFor()
    expect(new URL(page.url()).hash).to.equal('#access?room=group:lobby')
    expect(await card.locator('td.users').innerText()).to.match(/^alice bob/)
    // As an address, for a colleague, and after a user has left.
    alice.close()
    await page.reload()
    await card.getByText('1 connection on 1 node that answered').waitFor()
    await card.getByRole('link', { name: 'bob' }).click()
    await card.getByText('1 connection on 1 of 1').waitFor()
    await page.goBack()
    await card.getByText('1 connection on 1 node that answered').waitFor()
  })

  it('is asked by name, again, and from a search; what is taken away, and who did not answer, is said', async () => {
    const page = await served.open('access')
    const card = page.locator('.presence')
    await card.getByLabel('User').fill('nobody')
    await button(page, 'Look').click()
    await card.getByText('not connected to 1 node that answered').waitFor()
    // Whoever looks again is told what is true now.
    await join('nobody')
    await button(page, 'Look').click()
    await card.getByText('1 connection on 1 of 1 node that answered').waitFor()
    expect(await card.locator('.answer header').innerText()).to.match(/nobody\s+read at \d\d:\d\d:\d\d/)
    await page.route(/v1\/user-presence/, async (route) => {
      const response = await route.fetch()
      const unanswered = [{ id: 'x', host: 'web-3', why: 'no answer within 2 s' }]
      const revocations = [{ conversation: LOBBY, untilMs: Date.now() + 60_000, atMs: Date.now() }]
      await route.fulfill({ json: { ...(await response.json()), unanswered, revocations } })
    })
    await card.getByRole('button', { name: 'Refresh' }).click()
    await card.getByText('Not all nodes answered').waitFor()
    await card.getByText('web-3: no answer within 2 s').waitFor()
    await card.getByText(/Taken out of Group lobby until/).waitFor()
    await page.unroute(/v1\/user-presence/)

    await page.locator('nav a[data-view="feed"]').click()
    await search(page, 'operator:carol -sender:dave')
    await page.getByRole('link', { name: 'carol: Connected?' }).click()
    await card.getByText('not connected').waitFor()
    expect(new URL(page.url()).hash).to.equal('#access?user=carol')
  })

  it('is nothing for members', async () => {
    const member = await makeToken({ sub: 'eve', rooms: [LOBBY] })
    const page = await served.open('rooms', { token: member })
    await page.getByRole('button', { name: 'Group lobby' }).click()
    await page.locator('.card.room').waitFor()
    expect(await page.getByRole('link', { name: 'Who is in it?' }).count()).to.equal(0)
    await page.goto(`${served.url}/#access?user=alice`)
    await page.getByText('Only admins can see').waitFor()
    expect(await page.locator('.presence').count()).to.equal(0)
  })
})
