import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { button, named, newTab, openView, recallOne, row, state } from '../support/console-page.ts'
import { freePort } from '../support/free-port.ts'
import { APP, JWT_SECRET, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** The sign-in page of authentication.md, for the user Alice. */
async function startSignIn(port: number, consoleUrl: string) {
  const document = readFileSync(join(ROOT, 'server/docs/authentication.md'), 'utf8')
  const [, code = ''] = /^```js\n([^]*?CONSOLE_URL[^]*?)^```/m.exec(document) ?? []
  const folder = temporaryFolder()
  const file = join(folder.path, 'sign-in.mjs')
  writeFileSync(file, code)
  const env = { CONSOLE_URL: consoleUrl, JWT_SECRET, PORT: String(port) }
  const server = spawn(process.execPath, [file], { env, stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}/sign-in`
  await waitUntil('the sign-in page answers', () =>
    fetch(url, { redirect: 'manual' }).then(
      () => true,
      () => false,
    ),
  )
  return {
    url,
    stop: () => {
      server.kill('SIGKILL')
      folder.remove()
    },
  }
}

describe('the log-in of the console', () => {
  const onCleanUp = cleanUpAfterEach()
  let browser: Browser
  let gateway: GatewayProcess
  let signIn: Awaited<ReturnType<typeof startSignIn>>
  before(async () => {
    browser = await openBrowser()
    const [port, signInPort] = [await freePort(), await freePort()]
    gateway = await startGatewayProcess({
      PORT: String(port),
      ENVIRONMENT: 'staging',
      CONSOLE_LOGIN_URL: `http://127.0.0.1:${signInPort}/sign-in`,
    })
    signIn = await startSignIn(signInPort, `${gateway.url}/`)
  })
  after(async () => {
    signIn.stop()
    await gateway.stop()
  })

  const open = async (fragment: string): Promise<{ page: Page; complaints: string[] }> => {
    const page = await newTab(browser, onCleanUp)
    const complaints: string[] = []
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('console', (message) => complaints.push(message.text()))
    await page.goto(`${gateway.url}/${fragment}`)
    return { page, complaints }
  }
  /** Opens a link with the token of a user, who says that it is meant so. */
  const openAs = async (user: string, token: string) => {
    const opened = await open(`#token=${token}`)
    await button(opened.page, `Go on as ${user}`).click()
    return opened
  }
  const signInLink = (page: Page) => page.getByRole('link', { name: 'Sign in', exact: true })
  const forms = (page: Page) => page.locator('form:visible').count()

  it('leads to the sign-in of the app, and comes back to what was open', async () => {
    const { page, complaints } = await open('#health')
    await signInLink(page).waitFor()
    expect(await forms(page), 'one way in, not several').to.equal(0)
    expect(await page.locator('.environment').innerText()).to.equal('staging')
    await signInLink(page).click()
    await page.locator('nav a[aria-current][href="#health"]').waitFor()
    expect(page.url()).to.equal(`${gateway.url}/#health`)
    expect(await page.evaluate('document.referrer')).to.equal('')

    await page.locator('.who summary').click()
    const facts = await page.locator('.who dl').innerText()
    for (const fact of ['alice', 'Admin', APP, 'staging', '0.1.0']) expect(facts).to.include(fact)
    await page.keyboard.press('Escape')
    expect(await page.locator('.who dl').isVisible()).to.equal(false)
    await page.reload()
    await page.locator('nav a[aria-current][href="#health"]').waitFor()
    expect(complaints, 'nothing that the content security policy forbids').to.deep.equal([])
  })

  it('says what the sign-in page reports, and keeps what was open', async () => {
    const { page } = await open('#health')
    await signInLink(page).waitFor()
    await page.evaluate(
      `document.querySelector('.sign-in a').addEventListener('click', (event) => event.preventDefault())`,
    )
    await signInLink(page).click()
    await page.goto(`${gateway.url}/#error=access_denied&error_description=not+a+<b>moderator`)
    await page.getByRole('alert').filter({ hasText: 'The sign-in failed: not a <b>moderator' }).waitFor()
    expect(page.url()).to.equal(`${gateway.url}/#health`)
  })

  it('has one form for a wrong token, and no shell around it', async () => {
    const { page } = await open('#token=wrong')
    await state(page, 'Refused').waitFor()
    await page.getByRole('status').getByText('TOKEN_REFUSED').waitFor()
    expect(await page.locator('.shell').count()).to.equal(0)
    expect(await forms(page)).to.equal(0)
    await page.getByText('Use a token instead').click()
    expect(await forms(page)).to.equal(1)
    await page.getByLabel('Token', { exact: true }).fill(await adminToken())
    await button(page, 'Connect').click()
    await state(page, 'Live').waitFor()
  })

  it('signs in again in another tab, and the page goes on with all that is on it', async () => {
    const short = await makeToken({ sub: 'alice', role: 'admin', ttlS: 200 })
    const { page } = await openAs('alice', short)
    await state(page, 'Live').waitFor()
    await recallOne(gateway.url, 'before', 1)
    await row(page, 'before').waitFor()
    await page.goto(`${gateway.url}/#rooms`)
    await named(page, 'Group').fill('half typed')
    const again = page.getByRole('link', { name: 'Sign in again' })
    await again.waitFor()
    const [other] = await Promise.all([page.context().waitForEvent('page'), again.click()])
    await other.getByText('Your other tab goes on').waitFor()
    await again.waitFor({ state: 'detached' })
    expect(await named(page, 'Group').inputValue()).to.equal('half typed')
    expect(await other.evaluate('window.opener')).to.equal(null)
    await page.locator('.who summary').click()
    expect(await page.locator('.who dl').innerText()).to.include('alice')
    await page.goto(`${gateway.url}/#feed`)
    await row(page, 'before').waitFor()
    await state(page, 'Live').waitFor()
  })

  it('goes on in every tab when a link brings a token that only claims to be newer', async () => {
    const { page } = await openAs('alice', await makeToken({ sub: 'alice', role: 'admin' }))
    await state(page, 'Live').waitFor()
    const claims = { sub: 'alice', role: 'admin', iat: 9_999_999_998, exp: 9_999_999_999 }
    const [head, body] = [{ alg: 'HS256' }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    )
    const forged = `${head}.${body}.AAAA`
    const other = await page.context().newPage()
    await other.goto(`${gateway.url}/#token=${forged}`)
    await state(other, 'Refused').waitFor()
    await page.evaluate(`location.hash = 'token=${forged}'`)
    await page.getByRole('alert').filter({ hasText: 'TOKEN_REFUSED' }).waitFor()
    await page.getByText('You go on as before').waitFor()
    expect(await state(page, 'Live').count()).to.equal(1)
    await page.reload()
    await state(page, 'Live').waitFor()
    // Names are those that the gateway says, whatever their script.
    await page.evaluate(`location.hash = 'token=${await makeToken({ sub: '陈晓', role: 'admin' })}'`)
    await page.getByRole('alert').filter({ hasText: 'a token of \u2068陈晓\u2069. You are' }).waitFor()
  })

  it('asks before a link with the token of another user takes over', async () => {
    const { page } = await openAs('alice', await makeToken({ sub: 'alice', rooms: [{ group: 'g' }] }))
    const mallory = await makeToken({ sub: 'mallory', role: 'admin' })
    const user = () => page.locator('.who bdi').first().innerText()
    await page.locator('.shell').waitFor()
    for (const follow of [
      () => page.evaluate(`location.hash = 'token=${mallory}'`),
      () => page.goto(`${gateway.url}/?again#token=${mallory}`),
    ]) {
      await follow()
      await page
        .getByRole('alert')
        .filter({ hasText: 'a token of mallory. You are signed in as alice' })
        .waitFor()
      expect(await user()).to.equal('alice')
      expect(page.url()).not.to.include(mallory)
      await button(page, 'Stay alice').click()
      await button(page, 'Stay alice').waitFor({ state: 'detached' })
    }
    await page.evaluate(`location.hash = 'token=${mallory}'`)
    await button(page, 'Go on as mallory').click()
    await page.locator('.who').getByText('mallory').first().waitFor()
    await state(page, 'Live').waitFor()
  })

  it('begins anew with the token of another user that is entered: what the one before saw is gone', async () => {
    const { page } = await openAs('alice', await makeToken({ sub: 'alice', role: 'admin', ttlS: 120 }))
    await state(page, 'Live').waitFor()
    await recallOne(gateway.url, 'secret', 1)
    await row(page, 'secret').waitFor()
    await page.evaluate('window.memory = "of alice"')
    const prompt = page.locator('.token-prompt')
    await prompt.locator('summary').click()
    await prompt
      .getByLabel('Token', { exact: true })
      .fill(await makeToken({ sub: 'bob', rooms: [{ group: 'g' }] }))
    await button(page, 'Connect').click()
    await page.locator('.who').getByText('bob').first().waitFor()
    expect(await page.evaluate('window.memory')).to.equal(undefined)
    expect(await page.getByText('secret', { exact: true }).count()).to.equal(0)
    expect(await named(page, 'Views').locator('a').allInnerTexts()).to.deep.equal(['Rooms', 'History'])
  })

  it('asks before a link makes somebody of who has not signed in', async () => {
    const mallory = await makeToken({ sub: 'mallory', role: 'admin' })
    const { page } = await open(`#token=${mallory}`)
    await page.getByRole('alert').filter({ hasText: 'would sign you in as mallory' }).waitFor()
    expect(await page.locator('.shell').count()).to.equal(0)
    await page.reload()
    await signInLink(page).waitFor()
    expect(await page.evaluate('sessionStorage.token'), 'nothing is kept').to.equal(undefined)
    await page.evaluate(`location.hash = 'token=${mallory}'`)
    await button(page, 'Go on as mallory').waitFor()
    await signInLink(page).click()
    await page.locator('.who').getByText('alice').first().waitFor()
  })

  it('goes by what the gateway says, whatever the claims are called', async () => {
    const { port } = gateway
    const other = await startGatewayProcess({ JWT_ROLE_CLAIM: 'roles', JWT_ADMIN_VALUES: 'moderator' })
    onCleanUp(other.stop)
    expect(other.port).not.to.equal(port)
    const claims = { sub: 'u', role: 'admin', roles: ['reader'] }
    const member = await newTab(browser, onCleanUp)
    await openView(member, other.url, 'rooms', await makeToken(claims))
    expect(await member.locator('nav a').allInnerTexts()).to.deep.equal(['Rooms', 'History'])
    const admin = await newTab(browser, onCleanUp)
    await openView(admin, other.url, 'health', await makeToken({ sub: 'u', roles: ['moderator'] } as object))
    await state(admin, 'Live').waitFor()
    expect(await named(admin, 'Views').locator('a').first().innerText()).to.equal('Live feed')
  })

  it('is not told to whom else the sign-in page of the documents sends tokens: nobody', async () => {
    for (const back of ['https://evil.example/', `${gateway.url}/x`, '']) {
      const answer = await fetch(`${signIn.url}?return=${encodeURIComponent(back)}`, { redirect: 'manual' })
      expect(answer.status).to.equal(400)
    }
  })
})
