import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { GatewayError } from '../../shared/errors.ts'
import { dirname } from 'node:path'
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'

/**
 * Makes sure that no other process on this machine keeps its data in the folder: two embedded brokers on one folder
 * would not hear of each other's recalls. The claim is a name that the Linux kernel forgets with the process, however it
 * ends; elsewhere nothing is claimed. Rejects with START_FAILED.
 */
export async function lockDataDir(dataDir: string): Promise<{ release: () => Promise<void> }> {
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

interface StoreOptions {
  /** For looking only: makes and changes nothing. */
  readonly readOnly?: boolean
}

/** Opens a store on local disk, in a folder of its own, which is made if missing. Throws what the file system throws. */
export function openStore(path: string, { readOnly = false }: StoreOptions = {}): RootDatabase {
  if (!readOnly) mkdirSync(dirname(path), { recursive: true })
  return open({
    path,
    readOnly,
    // Otherwise a write would resolve before it is on disk.
    overlappingSync: false,
    // Otherwise each failure of the disk would leave a rejection that nobody can handle, and end the process.
    eventTurnBatching: false,
  })
}

/** The outcome of a write. Its error holds a second promise, which rejects too: here that one is handled. */
export async function committed<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (error instanceof Error && 'commitError' in error) {
      Promise.resolve(error.commitError).catch(() => undefined)
    }
    throw error
  }
}
