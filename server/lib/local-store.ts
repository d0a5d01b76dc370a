import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'

interface LocalStoreOptions {
  /** For looking only: makes and changes nothing. */
  readonly readOnly?: boolean
}

/** Opens a store on local disk, in a folder of its own, which is made if missing. Throws what the file system throws. */
export function openLocalStore(path: string, { readOnly = false }: LocalStoreOptions = {}): RootDatabase {
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
export async function written<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (error instanceof Error && 'commitError' in error) {
      Promise.resolve(error.commitError).catch(() => undefined)
    }
    throw error
  }
}
