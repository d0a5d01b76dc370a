import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { systemDisk } from './disk.ts'

export interface FolderLock {
  /** Why another process may use the folder all the same, in words; undefined if none can. */
  readonly doubt: string | undefined
  release(): Promise<void>
}

/** Empty, and never removed: who has opened it may still be about to lock it. */
const LOCK_FILE = 'lock'

/**
 * Locks a folder that exists. Resolves to undefined if another process holds it. The operating system frees both locks when the
 * process ends, however it ends: one on a file in the folder, which containers that share it see too; and an abstract socket,
 * which is what the version before this one looks at. On other systems than Linux only the file is locked.
 */
export async function lockFolder(folder: string): Promise<FolderLock | undefined> {
  const file = systemDisk.lock(join(folder, LOCK_FILE))
  if (file === 'held') return undefined
  const socket = process.platform === 'linux' ? await lockName(realpathSync(folder)) : undefined
  if (socket === 'held') {
    file.close()
    return undefined
  }
  return {
    doubt: file.doubt,
    async release() {
      await new Promise<void>((released) => (socket ? socket.close(() => released()) : released()))
      file.close()
    },
  }
}

async function lockName(folder: string): Promise<Server | 'held'> {
  const name = `\0recall-gateway-${createHash('sha256').update(folder).digest('hex')}`
  const server = createServer((socket) => socket.destroy())
  return await new Promise((resolve) => {
    server.once('error', () => resolve('held'))
    server.listen(name, () => resolve(server))
  })
}
