import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { button, named, recallOne, row, rowsOf, search, state } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'
import { postWebhook, signedQuery } from '../support/webhook.ts'

const C2C = 'C2C.CallbackAfterMsgWithDraw'
const OFFICIAL = 'OfficialAccount.CallbackAfterMsgWithDraw'

describe('every kind of conversation in the console', () => {
  const served = serveConsole({ TEST_RECALLS: 'on' })

  const post = async (command: string, fields: object): Promise<void> => {
    const { status, body } = await postWebhook(served.url, {
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
    const page = await served.open('feed')
    await state(page, 'Live').waitFor()
    await recallOne(served.url, 'a-group', 1)
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
      text.replaceAll(/\s+/g, ' ').trim(),
    )
    expect(fields.slice(0, 2)).to.deep.equal([
      'One-to-one ann and zoe ann: Connected? zoe: Connected?',
      'Sent by zoe Connected?',
    ])
    await details.getByText('7_8_1700000000').waitFor()
    const stops = (await details.locator('.stop').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '))
    expect(stops[0]).to.match(/^One-to-one ann and zoe offset 1 · 0 sockets/)
    expect(stops[1]).to.match(/^Feed offset \d+ · 1 socket /)
    await page.keyboard.press('Escape')

    await search(page, 'kind:c2c')
    await page.getByText('1 of 3 recalls').waitFor()
    expect(await shown(page)).to.deep.equal(['1:1 ann and zoe'])
    await search(page, 'TOA')
    // The count was the same before.
    await row(page, '@TOA#news').waitFor()
    expect(await shown(page)).to.deep.equal(['Official @TOA#news'])
    await recallOfAccount('@TOA#news', ['3_3_1700000003'])
    await recallOfTwo('zoe', 'bob', '9_9_1700000009')
    await page.getByText('2 of 5 recalls').waitFor()
  })

  it('is watched in a room of its own, even after a reload', async () => {
    await recallOfTwo('eve', 'dan', '1_1_1700000000')
    const page = await served.open('rooms')
    const kind = page.getByRole('combobox', { name: 'Kind' })
    await kind.selectOption('One-to-one')
    // In any order: the two are the same room.
    await named(page, 'User').fill('eve')
    await named(page, 'Other user').fill('dan')
    await button(page, 'Watch').click()
    await kind.selectOption('Official account')
    await named(page, 'Official account').fill('@TOA#sale')
    await button(page, 'Watch').click()
    await page.locator('.room.live').nth(1).waitFor()
    await recallOfTwo('dan', 'eve', '2_2_1700000000')
    await recallOfTwo('dan', 'fay', '3_3_1700000000')
    await recallOfAccount('@TOA#sale', ['4_4_1700000000'])
    await recallOne(served.url, '@TOA#sale', 5)
    for (const reloads of [0, 1]) {
      if (reloads === 1) await page.reload()
      const pair = page.locator('.room').filter({ has: page.getByRole('heading', { name: 'dan and eve' }) })
      await pair.locator('.latest .seqs').nth(1).waitFor()
      expect(await pair.locator('.latest .seqs').allInnerTexts()).to.deep.equal([
        '2_2_1700000000',
        '1_1_1700000000',
      ])
      const account = page.locator('.room').filter({ has: page.getByRole('heading', { name: '@TOA#sale' }) })
      await account.locator('.latest .seqs').waitFor()
      expect(await account.locator('.latest .seqs').allInnerTexts()).to.deep.equal(['4_4_1700000000'])
    }
    await page.getByRole('button', { name: /^Stop watching .*dan.*eve/ }).click()
    await page.locator('.room').nth(1).waitFor({ state: 'detached' })
  })

  it('is looked up by the keys of its messages, and searched in its history', async () => {
    await recallOfTwo('gus', 'hal', '1_1_1700000000')
    await recallOfTwo('hal', 'gus', '2_2_1700000000')
    const page = await served.open('history')
    const lookup = page.getByRole('region', { name: 'Which messages are recalled?' })
    await lookup.getByLabel('Kind').selectOption('One-to-one')
    await lookup.getByLabel('User', { exact: true }).fill('hal')
    await lookup.getByLabel('Other user', { exact: true }).fill('gus')
    await lookup.getByLabel('Message keys').fill('2_2_1700000000, 9_9_1700000000')
    await lookup.getByRole('button', { name: 'Look up' }).click()
    await lookup.getByText('1 of 2 messages recalled').waitFor()
    expect(await lookup.locator('.recalled-lines code').allInnerTexts()).to.deep.equal(['2_2_1700000000'])
    await lookup.getByText('Not recalled: 9_9_1700000000').waitFor()

    await search(page, 'c2c:gus c2c:hal')
    await page.getByText('2 found.').waitFor()
    expect(await shown(page)).to.deep.equal(['1:1 gus and hal', '1:1 gus and hal'])
    await search(page, 'official:gus')
    await page.getByText('None of the recalls that are kept match.').waitFor()
  })

  it('is sent test recalls, which arrive', async () => {
    for (const [kind, names, conversation] of [
      ['One-to-one', { User: 'kim', 'Other user': 'joe' }, '1:1 joe and kim'],
      ['Official account', { 'Official account': '@TOA#test' }, 'Official @TOA#test'],
    ] as const) {
      const page = await served.open('test')
      await page.getByRole('combobox', { name: 'Kind' }).selectOption(kind)
      for (const [label, name] of Object.entries(names)) await named(page, label).fill(name)
      await page.getByLabel('Message keys').fill('1_1_1700000000')
      await button(page, 'Send').click()
      await page.getByText('A receiver answered OK').waitFor()
      await page.getByText(/It arrived in the feed of this page after/).waitFor()
      await page.getByRole('link', { name: 'Open the live feed' }).click()
      await rowsOf(page).first().waitFor()
      expect((await shown(page))[0]).to.equal(conversation)
    }
  })

  it('shows long names and such that run from right to left each in its own place', async () => {
    const page = await served.open('feed')
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
