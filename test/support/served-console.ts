import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { cleanUpAfterAll, cleanUpAfterEach } from './clean-up.ts'
import { adminToken } from './client.ts'
import { newTab, openView } from './console-page.ts'
import { startGatewayProcess } from './gateway-process.ts'

interface PageOptions extends BrowserContextOptions {
  /** Default: that of an admin. */
  readonly token?: string
  /** Runs in the page before its own scripts. */
  readonly script?: string
}

/** One gateway for all tests of a `describe`, and pages of its console that each test has for itself. */
export interface ServedConsole {
  /** Where the gateway listens; known from the first `before` that follows. */
  readonly url: string
  /** Registers what is to be done after the test. */
  readonly onCleanUp: (cleanUp: () => unknown) => void
  /** Opens a blank tab with its own storage, until the end of the test. */
  newTab(options?: BrowserContextOptions): Promise<Page>
  /** Opens such a tab, logs in and opens a view. */
  open(view: string, options?: PageOptions): Promise<Page>
}

/**
 * Starts a gateway with these settings before the tests, and stops it after them. Call it inside `describe`, with a function if the
 * settings are known only when other parts have been started.
 */
export function serveConsole(
  settings: Record<string, string> | (() => Record<string, string>) = {},
): ServedConsole {
  const onCleanUp = cleanUpAfterEach()
  const onEnd = cleanUpAfterAll()
  let browser: Browser
  let url = ''

  before(async () => {
    const gateway = await startGatewayProcess(typeof settings === 'function' ? settings() : settings)
    onEnd(gateway.stop)
    url = gateway.url
    browser = await openBrowser()
  })

  const openTab = (options?: BrowserContextOptions): Promise<Page> => newTab(browser, onCleanUp, options)
  return {
    get url() {
      return url
    },
    onCleanUp,
    newTab: openTab,
    async open(view, { token, script, ...options } = {}) {
      const page = await openTab(options)
      if (script !== undefined) await page.addInitScript(script)
      return openView(page, url, view, token ?? (await adminToken()))
    },
  }
}
