import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'
import { GatewayError } from '../../shared/errors.ts'

/**
 * Locks the data folder, and creates it if it is missing: two embedded brokers on one folder would not see each other's
 * recalls. The lock is an abstract socket, which the Linux kernel releases with the process, however the process ends. On other
 * systems nothing is locked. Rejects with START_FAILED if another process on this machine holds the lock, or if the folder cannot
 * be created.
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
  const lock = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    lock.once('error', (cause) => {
      reject(new GatewayError('START_FAILED', `another gateway uses DATA_DIR ${dataDir}`, { cause }))
    })
    lock.listen(name, resolve)
  })
  return { release: () => new Promise<void>((resolve) => void lock.close(() => resolve())) }
}

interface StoreOptions {
  /** Creates and changes nothing. */
  readonly readOnly?: boolean
}

/** Opens an lmdb store, and creates it with its folder if it is missing. Throws errors of the file system as they are. */
export function openStore(path: string, { readOnly = false }: StoreOptions = {}): RootDatabase {
  if (!readOnly) mkdirSync(dirname(path), { recursive: true })
  return open({
    path,
    readOnly,
    // Otherwise a write would resolve before it is on disk.
    overlappingSync: false,
    // Otherwise each disk failure would cause a rejection that no caller can handle, which ends the process.
    eventTurnBatching: false,
  })
}

/** Returns the outcome of a write. The error of lmdb carries a second promise that also rejects; it is handled here. */
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
