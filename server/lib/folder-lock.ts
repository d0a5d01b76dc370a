import { createHash } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
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
 * Locks a folder that exists. Resolves to undefined if another process holds it. The operating system frees all locks when the
 * process ends, however it ends: one on a file in the folder, which containers that share it see too; an abstract socket with the
 * number of the folder in its name, because people remove that file; and one with the path in its name, which is what the version
 * before this one looks at. On other systems than Linux only the file is locked.
 */
export async function lockFolder(folder: string): Promise<FolderLock | undefined> {
  const file = systemDisk.lock(join(folder, LOCK_FILE))
  if (file === 'held') return undefined
  const sockets = process.platform === 'linux' ? await lockNames(folder, file.doubt) : []
  if (sockets === 'held') {
    file.close()
    return undefined
  }
  return {
    doubt: file.doubt,
    async release() {
      await Promise.all(sockets.map(closed))
      file.close()
    },
  }
}

async function lockNames(folder: string, doubt: string | undefined): Promise<Server[] | 'held'> {
  // As a number, the inode of some file systems would be rounded to that of another folder.
  const { dev, ino } = statSync(folder, { bigint: true })
  const own = await listen(`\0recall-gateway-folder-${dev}-${ino}`)
  if (own === 'held') return 'held'
  const others = await lockPath(realpathSync(folder), doubt)
  if (others !== 'held') return [own, ...others]
  await closed(own)
  return 'held'
}

/**
 * The names of sockets belong to the network namespace: containers that share it, as those of a pod do, can have other folders at
 * one path. So a process that has locked its file holds a second name as well, by which another that has locked one knows that the
 * two files differ. The version before this one does not lock a file, so whoever it is that holds the first name alone is obeyed.
 */
async function lockPath(path: string, doubt: string | undefined): Promise<Server[] | 'held'> {
  const name = `\0recall-gateway-${createHash('sha256').update(path).digest('hex')}`
  if (doubt !== undefined) {
    const only = await listen(name)
    return only === 'held' ? only : [only]
  }
  // In one turn, so that nobody finds the first without the second.
  const [first, second] = await Promise.all([listen(name), listen(`${name}-file`)])
  if (first !== 'held') return second === 'held' ? [first] : [first, second]
  if (second === 'held') return []
  await closed(second)
  return 'held'
}

const closed = (server: Server): Promise<void> => new Promise((done) => void server.close(() => done()))

async function listen(name: string): Promise<Server | 'held'> {
  const server = createServer((socket) => socket.destroy())
  return await new Promise((resolve) => {
    server.once('error', () => resolve('held'))
    server.listen(name, () => resolve(server))
  })
}
