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
 * Returns one browser for all tests of a run. Each test isolates itself with a context; a browser per test would take a
 * second more. It is never closed: it exits with the process.
 */
export const openBrowser = (): Promise<Browser> =>
  (browser ??= chromium.launch({ executablePath: programPath('chromium'), args: FLAGS }))
