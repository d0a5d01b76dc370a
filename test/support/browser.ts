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

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: programPath('chromium'), args: FLAGS })
