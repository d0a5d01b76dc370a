import axe from 'axe-core'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { openBrowser } from '../support/browser.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

describe('documents in a browser', () => {
  const onCleanUp = cleanUpAfterEach()
  let browser: Browser
  before(async () => {
    browser = await openBrowser()
  })

  for (const [width, colorScheme] of [
    [390, 'light'],
    [1280, 'dark'],
  ] as const) {
    it(`fit the screen and are accessible at ${width} px, ${colorScheme}`, async () => {
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      // The content security policy of the pages would block axe.
      const context = await browser.newContext({
        viewport: { width, height: 800 },
        colorScheme,
        bypassCSP: true,
      })
      onCleanUp(() => context.close())
      const page = await context.newPage()
      await page.goto(`${gateway.url}/docs/`)
      const urls = await page.evaluate<string[]>(
        `[...document.querySelectorAll('nav li > a')].map(({ href }) => href).filter((url) => !url.endsWith('.json'))`,
      )
      expect(urls.length).to.be.above(10)
      for (const url of new Set(urls.map((one) => one.split('#')[0] ?? ''))) {
        await page.goto(url)
        const overflow = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        )
        expect(overflow, url).to.equal(0)
        const violations = await page.evaluate<string[]>(
          `${axe.source}; axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id }) => id))`,
        )
        expect(violations, url).to.deep.equal([])
      }
    })
  }
})
