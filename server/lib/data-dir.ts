import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { GatewayError } from '../../shared/errors.ts'

/**
 * Makes sure that no other process on this machine keeps its data in the folder: two embedded brokers on one folder
 * would not hear of each other's recalls. The claim is a name that the Linux kernel forgets with the process, however it
 * ends; elsewhere nothing is claimed. Rejects with START_FAILED.
 */
export async function claimDataDir(dataDir: string): Promise<{ release: () => Promise<void> }> {
  let folder: string
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    folder = realpathSync(dataDir)
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot write to DATA_DIR ${dataDir}`, { cause })
  }
  if (process.platform !== 'linux') return { release: () => Promise.resolve() }

  const name = `\0recall-gateway-${createHash('sha256').update(folder).digest('hex')}`
  const claim = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    claim.once('error', (cause) => {
      reject(new GatewayError('START_FAILED', `another gateway uses DATA_DIR ${dataDir}`, { cause }))
    })
    claim.listen(name, resolve)
  })
  return { release: () => new Promise<void>((resolve) => void claim.close(() => resolve())) }
}
