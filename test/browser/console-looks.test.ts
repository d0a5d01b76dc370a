import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { cleanUpAfterAll } from '../support/clean-up.ts'
import { adminToken } from '../support/client.ts'
import { newTab, row, rowsOf } from '../support/console-page.ts'
import { folderWithQuarantine, quarantinedRecall } from '../support/quarantine.ts'
import type { Quarantine } from '../../server/receiver/quarantine/quarantine.ts'
import { connectListeners, postSampleRecalls, startTraffic } from '../support/sample-traffic.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

/** Where the screenshots go. */
const OUTPUT = fileURLToPath(new URL('../../screenshots/', import.meta.url))
/** How many seconds the charts show. The committed screenshots use more. */
const CHART_S = Number(process.env['CHART_S'] ?? 4)
const AXE = axe.source
const DESKTOP = { width: 1220, height: 700 }
const PHONE = { width: 390, height: 760 }
const GROUP = 'spring-sale-2026'
const COMMUNITY = '@TGS#_community'

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** Returns serious accessibility violations: all kinds in the light theme, those of color in the dark one. */
async function violationsIn(page: Page, theme: 'light' | 'dark'): Promise<string[]> {
  const rules = theme === 'light' ? '' : "runOnly: ['color-contrast', 'link-in-text-block'],"
  const violations = await page.evaluate<Violation[]>(
    `${AXE}; axe.run({ ${rules} resultTypes: ['violations'] }).then((result) => result.violations)`,
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

/**
 * Takes screenshots in both themes and languages, on a desktop and on a phone. Returns the accessibility violations in both
 * themes.
 */
async function capture(page: Page, view: string): Promise<string[]> {
  const violations: string[] = []
  const take = async (look: string, isPhone: boolean): Promise<void> => {
    await page.setViewportSize(isPhone ? PHONE : DESKTOP)
    const path = join(OUTPUT, `${view}-${look}${isPhone ? '-phone' : ''}.png`)
    await page.screenshot({ path, animations: 'disabled', scale: isPhone ? 'device' : 'css' })
  }
  const switchLanguage = async (): Promise<void> => {
    await page.locator('.switches button[lang]').click()
    await page.mouse.move(0, 0)
  }
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await take(`${theme}-en`, false)
    if (theme === 'light') await take('light-en', true)
    violations.push(...(await violationsIn(page, theme)))
    await switchLanguage()
    await take(`${theme}-zh`, false)
    if (theme === 'dark') await take('dark-zh', true)
    await switchLanguage()
  }
  return violations
}

async function fillQuarantine(quarantine: Quarantine): Promise<void> {
  const noPermission = 'NOPERM: this user has no permissions to access one of the keys used (REDIS_URL)'
  for (let seq = 1; seq <= 4; seq++) await quarantine.addRecall(quarantinedRecall(seq, noPermission))
  await quarantine.add(
    quarantinedRecall(5, 'delivered without what was not understood: "MsgSeqList[1].MsgSeq" is required'),
  )
}

describe('the console, while its screenshots are taken', function () {
  this.timeout(60_000 + CHART_S * 1_000)
  const onCleanUp = cleanUpAfterAll()
  let redis: RedisServer
  let receiver: GatewayProcess
  let node: GatewayProcess
  let page: Page

  before(async () => {
    mkdirSync(OUTPUT, { recursive: true })
    redis = await startRedis()
    onCleanUp(redis.stop)
    const folder = await folderWithQuarantine(fillQuarantine)
    onCleanUp(folder.remove)
    const start = async (role: string) => {
      const settings = {
        REDIS_URL: redis.url,
        ROLE: role,
        TEST_RECALLS: 'on',
        MAX_SOCKETS: '5000',
        ...(role === 'receiver' && { DATA_DIR: folder.path }),
      }
      const gateway = await startGatewayProcess(settings)
      onCleanUp(gateway.stop)
      return gateway
    }
    receiver = await start('receiver')
    node = await start('node')
    const other = await start('node')
    await postSampleRecalls(receiver.url, 60)
    onCleanUp(await connectListeners([node.url, node.url, other.url], 60))
    const browser = await openBrowser()
    page = await newTab(browser, onCleanUp, { deviceScaleFactor: 2 })
  })

  it('is accessible at login', async () => {
    await page.goto(node.url)
    await page.locator('.log-in').waitFor()
    expect(await capture(page, 'log-in')).to.deep.equal([])
  })

  it('is accessible in the feed', async () => {
    await page.goto(`${node.url}/#token=${await adminToken()}`)
    await page.locator('.state.live').waitFor()
    await rowsOf(page).first().waitFor()
    expect(await capture(page, 'feed')).to.deep.equal([])
  })

  it('is accessible with an open recall', async () => {
    await row(page, COMMUNITY).first().click()
    await page.locator('.path .stop').nth(2).waitFor()
    expect(await capture(page, 'recall')).to.deep.equal([])
    await page.keyboard.press('Escape')
  })

  it('is accessible in the rooms', async () => {
    await page.goto(`${node.url}/#rooms`)
    for (const [group, topic] of [
      [GROUP, ''],
      [COMMUNITY, '闲聊'],
      ['摄影爱好者', ''],
    ] as const) {
      await page.locator('input[name=group]').fill(group)
      await page.locator('input[name=topic]').fill(topic)
      await page.locator('input[name=topic]').press('Enter')
    }
    await page.locator('.room.live').nth(2).waitFor()
    expect(await capture(page, 'rooms')).to.deep.equal([])
  })

  it('is accessible in the list of a whole room, before a user is taken out', async () => {
    await page.goto(`${node.url}/#rooms?room=group:${GROUP}`)
    await rowsOf(page).first().click()
    await page.locator('.path .stop').first().waitFor()
    await page.getByRole('button', { name: 'Take a user out …' }).click()
    await page.locator('.take-out').scrollIntoViewIfNeeded()
    expect(await capture(page, 'tail')).to.deep.equal([])
    await page.keyboard.press('Escape')
  })

  it('is accessible where rules ring, and where it lists who is taken out', async () => {
    await page.goto(`${node.url}/#rings?q=group:${GROUP}`)
    await page.locator('.ring-form input[name=name]').fill('Spring sale')
    await page.locator('.ring-form button').click()
    await page.locator('.rules li').waitFor()
    await postSampleRecalls(receiver.url, 20)
    await page.locator('.rung li').waitFor()
    expect(await capture(page, 'rings')).to.deep.equal([])
    await page.locator('.rules li .quiet').last().click()
    const headers = { Authorization: `Bearer ${await adminToken()}` }
    const body = JSON.stringify({ userId: 'user_48213', group: GROUP, forS: 600 })
    await fetch(`${node.url}/v1/disconnect`, { method: 'POST', headers, body })
    await page.goto(`${node.url}/#access`)
    await page.locator('.taken-out li').waitFor()
    await page.locator('.audit li').first().waitFor()
    expect(await capture(page, 'access')).to.deep.equal([])
  })

  it('is accessible in the history', async () => {
    await page.goto(`${node.url}/#history`)
    await page.locator('.lookup input[name=group]').fill(GROUP)
    await page.locator('.lookup input[name=first]').fill('1000')
    await page.locator('.lookup input[name=last]').fill('1400')
    await page.locator('.lookup button').click()
    await page.locator('.squares .recalled').first().waitFor()
    await rowsOf(page).first().waitFor()
    expect(await capture(page, 'history')).to.deep.equal([])
  })

  it('is accessible in the quarantine, also with an open entry, and before one is dropped', async () => {
    await page.goto(`${node.url}/#quarantine`)
    await page.locator('.entry').first().waitFor()
    expect(await capture(page, 'quarantine')).to.deep.equal([])
    await page.locator('.entry').last().click()
    await page.locator('.details pre').waitFor()
    expect(await capture(page, 'quarantined')).to.deep.equal([])
    await page.locator('.details .actions .quiet').click()
    await page.locator('.details .danger').waitFor()
    expect(await violationsIn(page, 'dark')).to.deep.equal([])
    expect(await violationsIn(page, 'light')).to.deep.equal([])
    await page.keyboard.press('Escape')
  })

  it('is accessible after a test recall', async () => {
    await page.goto(`${node.url}/#test`)
    await page.locator('.test input[name=group]').fill('lobby')
    await page.locator('.test input[name=seqs]').fill('90001, 90002')
    await page.locator('.test button').click()
    await page.locator('.outcome li').first().waitFor()
    expect(await capture(page, 'test')).to.deep.equal([])
  })

  it('is accessible in the health view', async () => {
    onCleanUp(startTraffic(receiver.url))
    await page.goto(`${node.url}/#health`)
    const begin = Date.now()
    await page.locator('.chart.known').nth(2).waitFor()
    await waitUntil(
      'the charts are full',
      () => Date.now() - begin > CHART_S * 1_000,
      CHART_S * 1_000 + 5_000,
    )
    expect(await capture(page, 'health')).to.deep.equal([])
  })

  it('is accessible while delivery is in doubt, in the list and in the health view', async () => {
    redis.signal('SIGSTOP')
    await page.locator('.state.stale').waitFor()
    await page.locator('.problem-badge a').waitFor()
    expect(await violationsIn(page, 'light')).to.deep.equal([])
    await page.goto(`${node.url}/#feed`)
    await page.locator('.row.interruption').first().waitFor()
    expect(await capture(page, 'stale')).to.deep.equal([])
    redis.signal('SIGCONT')
    await page.locator('.state.live, .state.problem').waitFor()
  })

  it('is accessible while offline', async () => {
    await page.goto(`${node.url}/#feed`)
    node.signal('SIGKILL')
    await page.locator('.state.offline').waitFor()
    expect(await capture(page, 'offline')).to.deep.equal([])
  })
})
