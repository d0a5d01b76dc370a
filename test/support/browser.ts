import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'
import { programPath } from './programs.ts'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

let browser: Promise<Browser> | undefined

/**
 * One for all tests of a run: contexts keep them apart, and each start would take a second. Nobody closes it; it ends with the
 * process.
 */
export const openBrowser = (): Promise<Browser> =>
  (browser ??= chromium.launch({ executablePath: programPath('chromium'), args: FLAGS }))
