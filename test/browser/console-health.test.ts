import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { adminToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { newTab, openView } from '../support/console-page.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'

describe('the Health view of the console', () => {
  const onCleanUp = cleanUpAfterEach()
  let browser: Browser
  before(async () => (browser = await openBrowser()))

  const open = (page: Page, name: RegExp) => page.locator('details.fold > summary', { hasText: name }).click()

  it('shows what the doctor finds, the settings in effect and what happened, in both languages and on a phone', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const shared = { REDIS_URL: redis.url, ENVIRONMENT: 'staging' }
    const [node, receiver] = await Promise.all([
      startGatewayProcess({ ...shared, ROLE: 'node' }),
      startGatewayProcess({ ...shared, ROLE: 'receiver', HISTORY_SIZE: '77', WEBHOOK_TOKEN: 'rotated' }),
    ])
    onCleanUp(node.stop)
    onCleanUp(receiver.stop)
    const page = await newTab(browser, onCleanUp, { viewport: { width: 375, height: 800 } })
    await openView(page, node.url, 'health', await adminToken())
    await page.locator('.processes .host').nth(1).waitFor()
    expect(await page.locator('.processes .host').first().innerText()).to.include('0.1.0')

    await open(page, /Settings in effect/)
    await page.getByText('Different between processes').waitFor()
    const differing = page.locator('tr.differs')
    expect(await differing.locator('th').allInnerTexts()).to.have.members(['HISTORY_SIZE', 'WEBHOOK_TOKEN'])
    expect(await differing.filter({ hasText: 'HISTORY_SIZE' }).innerText()).to.match(/1000.*77/s)
    expect(await page.locator('.fold').filter({ hasText: 'Settings' }).innerText()).not.to.include('rotated')
    await page.getByText('Show defaults too').click()
    await page.locator('.fold th', { hasText: 'QUARANTINE_TTL_DAYS' }).waitFor()

    await open(page, /Check everything/)
    // Both processes find it, and it is told once.
    const finding = page.locator('.findings li.critical', { hasText: 'Redis does not persist' })
    await finding.waitFor()
    expect(await finding.innerText()).to.match(/process [\da-f]{8}, [\da-f]{8}/)
    expect(await finding.getByRole('link').getAttribute('href')).to.match(/^docs\/redis\.html#/)
    const document = await page.request.get(
      `${node.url}/${await finding.getByRole('link').getAttribute('href')}`,
    )
    expect(document.status()).to.equal(200)

    const charts = page.locator('.charts')
    const widths = await charts.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().width))
    expect(widths).to.have.length(2)
    expect(new Set(widths)).to.have.property('size', 1)

    await open(page, /Events of the last hour: ([2-9]|\d\d)/)
    expect(await page.locator('.event-list li').count()).to.be.at.least(2)
    expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(375)
    await page.getByRole('button', { name: '中文' }).click()
    await page.getByText('各进程之间不一致').waitFor()

    receiver.signal('SIGTERM')
    await receiver.exited
    await page.reload()
    await page.locator('details.fold > summary', { hasText: /最近一小时的事件：([3-9]|\d\d)/ }).waitFor()

    // Of whom nothing is known, nothing is called right.
    redis.signal('SIGKILL')
    await page.getByText('以下数据只来自一个进程').waitFor()
    await open(page, /全面检查/)
    await page
      .locator('.findings', { hasText: '有 1 项应答缺失' })
      .locator('li.warning', { hasText: 'others' })
      .waitFor()
  })
})
