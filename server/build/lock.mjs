// Lets one start at a time install and build in a checkout: two would remove each other's files.
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { root, say } from './run.mjs'

const RETRY_INTERVAL_MS = 500

/**
 * Waits until no other start installs or builds in this checkout, and returns a function that releases it. The lock is a name
 * that the Linux kernel releases when the process ends, however it ends; other systems have no lock.
 */
export async function lockCheckout() {
  if (process.platform !== 'linux') return () => undefined
  const name = `\0recall-gateway-set-up-${createHash('sha256').update(realpathSync(root)).digest('hex')}`
  for (let attempt = 0; ; attempt++) {
    const server = createServer((socket) => socket.destroy())
    const isLocked = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(name, () => resolve(true))
    })
    if (isLocked) return () => server.close()
    if (attempt === 0) say('waiting for another start to install and build')
    await delay(RETRY_INTERVAL_MS)
  }
}
