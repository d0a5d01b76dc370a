import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { connect, makeToken } from '../support/client.ts'
import { button, recall, row } from '../support/console-page.ts'
import { serveConsole } from '../support/served-console.ts'
import { waitUntil } from '../support/wait.ts'

const ID = '144115233406643804-1700000000-130'
const EVIL = 'rtl-\u202Eevil'

describe('what a moderator does with a recall', () => {
  const served = serveConsole({ EVIDENCE_KEY: Buffer.alloc(32, 7).toString('base64') })

  before(async () => {
    await recall(served.url, {
      GroupId: EVIL,
      Operator_Account: 'zero\u200Bwidth',
      MsgSeqList: [{ MsgSeq: 130, MsgId: ID }, { MsgSeq: 131 }],
    })
  })

  const openRecall = async (name: string, options = {}): Promise<Page> => {
    const page = await served.open('feed', { timezoneId: 'Asia/Shanghai', ...options })
    await row(page, name).click()
    await page.locator('.path .stop').first().waitFor()
    return page
  }
  const clipboard = (page: Page): Promise<string> => page.evaluate('navigator.clipboard.readText()')

  it('is to read names as nothing else, and times with their zone', async () => {
    const page = await openRecall(EVIL)
    const details = page.locator('.details')
    // What is drawn is not text of the page: its width shows that it is there.
    const mark = details.locator('.unseen[data-code="U+202E"]').first()
    expect((await mark.boundingBox())?.width).to.be.above(20)
    expect(await details.locator('.unseen[data-code="U+200B"]').count()).to.equal(1)
    const xOf = async (part: string): Promise<number> =>
      page.evaluate(`(() => {
        const name = document.querySelector('.details dd bdi')
        const text = [...name.childNodes].find((node) => node.textContent === '${part}')
        const range = document.createRange()
        range.setStart(text, 0)
        range.setEnd(text, 1)
        return range.getBoundingClientRect().x
      })()`)
    expect(await xOf('evil')).to.be.above(await xOf('rtl-'))
    const path = await details.locator('.path').innerText()
    expect(path).to.match(/\d\d:\d\d:\d\d\.\d{3} UTC\+8/)
    await button(page, 'Times in UTC+8').click()
    await button(page, 'Times in UTC').waitFor()
    expect(await details.locator('.path').innerText()).to.match(/\d\d:\d\d:\d\d\.\d{3} UTC\n/)
    await page.reload()
    await button(page, 'Times in UTC').waitFor()
  })

  it('is to copy a seq, a MsgId, all of them, the text or the JSON', async () => {
    const page = await openRecall(EVIL, { permissions: ['clipboard-read', 'clipboard-write'] })
    const details = page.locator('.details')
    const copied = async (name: string, what: string): Promise<string> => {
      await details.getByRole('button', { name, exact: true }).click()
      await details.getByRole('status').getByText(`Copied: ${what}`, { exact: true }).waitFor()
      return clipboard(page)
    }
    expect(await copied('130', '130')).to.equal('130')
    expect(await copied(ID, ID)).to.equal(ID)
    expect(await copied('Copy all', '2 messages')).to.equal('130, 131')
    expect(await copied('MsgIds', '1 MsgId')).to.equal(ID)
    const json = await copied('JSON', 'JSON')
    expect(json).to.not.match(/[\u202E\u200B]/)
    expect(JSON.parse(json)).to.include({ group: EVIL, operator: 'zero\u200Bwidth' })
    const link = await copied('Link', 'Link')
    expect(link).to.match(/#feed\?q=\S+&open=feed@/)
    const text = await copied('Text', 'Text')
    expect(text).to.include('rtl-‹U+202E›evil')
    expect(text).to.match(/Recalled: .* UTC\+8 \(2022-12-09T08:26:54\.123Z\)/)
    // The arrow keys lead from one to the next: Tab would take a thousand steps.
    await button(page, '130').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await details.getByRole('status').getByText('Copied: 131', { exact: true }).waitFor()
  })

  it('is to copy where the browser has no clipboard for the page, or lets it copy nothing at all', async () => {
    const page = await openRecall(EVIL, { permissions: ['clipboard-read'] })
    await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('denied'))")
    await button(page, '130').click()
    await page.getByText('Copied: 130', { exact: true }).waitFor()
    expect(await clipboard(page)).to.equal('130')
    await page.evaluate('document.execCommand = () => false')
    await button(page, 'Copy all').click()
    const byHand = page.getByLabel('The browser does not let this page copy')
    await byHand.waitFor()
    expect(await byHand.inputValue()).to.equal('130, 131')
    await page.waitForFunction("getSelection().toString() === '130, 131'")
  })

  it('is to take its operator out of the room, after it was said what that will do', async () => {
    const listening = await connect(served.url, await makeToken({ sub: 'bob', rooms: [{ group: 'acted' }] }))
    served.onCleanUp(() => listening.close())
    await listening.subscribe({ group: 'acted' })
    await recall(served.url, { GroupId: 'acted', Operator_Account: 'bob', MsgSeqList: [{ MsgSeq: 1 }] })
    const page = await openRecall('acted')
    await button(page, 'Take a user out …').click()
    const form = page.getByRole('form', { name: 'Take a user out …' })
    await form.getByLabel('For how long').selectOption('10 minutes')
    const warning = await form.locator('.asking').innerText()
    expect(warning).to.match(/bob · the group, with all its topics · until .* UTC\+8/)
    expect(warning).to.include('changes nothing in Tencent Chat')
    // Whoever presses Enter by mistake has not agreed.
    expect(await page.evaluate('document.activeElement.textContent')).to.equal('Cancel')
    await page.route(/v1\/disconnect/, (route) =>
      route.fulfill({ status: 503, json: { code: 'BROKER_UNAVAILABLE', message: '' } }),
    )
    await button(page, 'Take out').click()
    await form.getByText('The gateway’s store (Redis) is not responding.').waitFor()
    await page.unroute(/v1\/disconnect/)
    await button(page, 'Take out').click()
    await page.locator('.details .outcome').getByText('Taken out until').waitFor()
    await waitUntil('bob is told', () => listening.unsubscribed.length > 0)
    // Who is taken out, by whom, and what admins did, until access is given back.
    await page.getByRole('link', { name: 'See who is taken out' }).click()
    const taken = page.locator('.taken-out li').filter({ hasText: 'bob' })
    await taken.getByText('by admin-1').waitFor()
    expect(await taken.innerText()).to.match(
      /bob of Group acted\s+until .* UTC\+8 · by admin-1 · at .* UTC\+8/,
    )
    await taken.getByRole('button', { name: 'Give access back' }).click()
    await page.getByText('Access was given back.').waitFor()
    await page.getByText('Nobody is taken out.').waitFor()
    const acts = page.locator('.audit li')
    await acts.filter({ hasText: 'admin-1 gave access back' }).waitFor()
    expect(await acts.filter({ hasText: 'admin-1 took a user out' }).innerText()).to.include('user: bob')
    expect((await listening.subscribe({ group: 'acted' })).ok).to.equal(true)
  })

  it('is to save evidence of it, which can be checked without the gateway', async () => {
    const page = await openRecall(EVIL, { acceptDownloads: true })
    // What asks where to save a file cannot be answered here.
    await page.evaluate('delete window.showSaveFilePicker')
    await button(page, 'Evidence …').click()
    const form = page.locator('.details .evidence')
    await form.getByText('seq:130-131').waitFor()
    const begun = page.waitForEvent('download')
    await button(page, 'Save evidence').click()
    const download = await begun
    await form.getByText('Saved: 1 recall, and the links of 1 entry.').waitFor()
    const name = download.suggestedFilename()
    expect(name).to.match(/^evidence-group_rtl-[\w.-]+\.jsonl$/)
    const command = await form.getByText('recall-gateway verify').innerText()
    const [, key = ''] = / --key (\S+)$/.exec(command) ?? []
    expect(command).to.equal(`recall-gateway verify ${name} --key ${key}`)
    const main = fileURLToPath(new URL('../../server/main.js', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [
      main,
      'verify',
      await download.path(),
      '--key',
      key,
    ])
    expect(stdout).to.include('VERIFIED')
    await page.route(/v1\/evidence/, (route) =>
      route.fulfill({ status: 501, json: { code: 'EVIDENCE_KEY_MISSING', message: '' } }),
    )
    await button(page, 'Save evidence').click()
    await form.getByText('The gateway has no key to sign evidence with (EVIDENCE_KEY).').waitFor()
  })
})
