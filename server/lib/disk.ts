import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  fsyncSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  write,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { lockFile } from './file-lock.ts'
import type { FileLock } from './file-lock.ts'

/**
 * The operations on files that the stores need, apart from those of the embedded broker's database: a test puts a disk in its
 * place that fails, is full, or forgets what was not flushed. All throw, or reject with, errors of the file system.
 */
export interface Disk {
  /** Creates a folder and those above it, unless it exists. */
  makeFolder(folder: string): void
  /** Returns the names in a folder, in no order; none if it does not exist. */
  list(folder: string): string[]
  /** Returns the size of a file, in bytes; undefined if it does not exist. */
  size(file: string): number | undefined
  /**
   * Returns at most `length` bytes of a file from `offset` on. Sectors that the disk cannot read (EIO) are filled with 0xff, so that
   * the rest is not lost with them: checksums tell. Throws EIO if it can read nothing of a whole file, or of a large part: then the
   * disk may be away for a moment, and what counts as lost would be written over.
   */
  read(file: string, offset?: number, length?: number): Buffer
  /** Puts a file with this content in the place of what is there, in one step, flushed to disk with its name. */
  replace(file: string, content: Buffer): void
  /** Gives a file another name in the same folder. Flushed to disk. */
  rename(file: string, other: string): void
  /** Removes a file; nothing happens if there is none. The name may return with a power cut. */
  remove(file: string): void
  /** Creates a file that does not exist yet. Its name is on disk once `syncFolder` has resolved. */
  create(file: string): Promise<OpenFile>
  /** Flushes the names of a folder to disk. */
  syncFolder(folder: string): Promise<void>
  /** Locks a file for this process until it ends, and creates it if it is missing; `held` if another process has it. */
  lock(file: string): FileLock | 'held'
  /** Returns how much more the disk of this folder can hold, in bytes; undefined if that is not known. */
  free(folder: string): number | undefined
  /** Returns an id that the machine of this folder has until it is started again; undefined if that is not known. */
  bootId(folder: string): string | undefined
}

/** A file that is open for writing. */
export interface OpenFile {
  /** Writes all of `content` at `offset`. After a failure, any part of it may be there. */
  write(content: Buffer, offset: number): Promise<void>
  /** Flushes to disk what was written. After a failure, nothing that was written since the last flush can be trusted. */
  sync(): Promise<void>
  /** Whether it is in a folder still: nobody finds what is written to a file that was deleted. */
  hasName(): boolean
  close(): void
}

const [openAsync, writeAsync, fdatasyncAsync, fsyncAsync] = [
  promisify(open),
  promisify(write),
  promisify(fdatasync),
  promisify(fsync),
]
const OWNER_ONLY = 0o600

export const systemDisk: Disk = {
  makeFolder,
  list: (folder) => (existsSync(folder) ? readdirSync(folder) : []),
  size: (file) => withFile(file, 'r', (fd) => fstatSync(fd).size),

  read: (file, offset = 0, length) =>
    withFile(file, 'r', (fd) => {
      const wanted = length ?? Math.max(0, fstatSync(fd).size - offset)
      const content = Buffer.allocUnsafe(wanted)
      let [done, unreadable] = [0, 0]
      let failure: unknown
      while (done < wanted) {
        const got = readSome(fd, content.subarray(done), offset + done, (bytes, error) => {
          unreadable += bytes
          failure = error
        })
        if (got === 0) break
        done += got
      }
      const mayBeLost = length === undefined ? PAGE_BYTES : MAX_LOST_BYTES
      if (unreadable === done && unreadable > mayBeLost) throw failure
      return content.subarray(0, done)
    }) ?? Buffer.alloc(0),

  replace(file, content) {
    const fresh = `${file}.new`
    const fd = openSync(fresh, 'w', OWNER_ONLY)
    try {
      for (let done = 0; done < content.length;) done += writeSync(fd, content, done)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    systemDisk.rename(fresh, file)
  },

  rename(file, other) {
    renameSync(file, other)
    withFile(dirname(other), 'r', fsyncSync)
  },

  remove: (file) => rmSync(file, { force: true }),

  async create(file) {
    const fd = await openAsync(file, 'wx', OWNER_ONLY)
    const countsNames = fstatSync(fd).nlink > 0
    return {
      async write(content, offset) {
        for (let done = 0; done < content.length;) {
          const { bytesWritten } = await writeAsync(fd, content, done, content.length - done, offset + done)
          done += bytesWritten
        }
      },
      sync: () => fdatasyncAsync(fd),
      hasName: () => !countsNames || fstatSync(fd).nlink > 0,
      close: () => closeSync(fd),
    }
  },

  async syncFolder(folder) {
    const fd = await openAsync(folder, 'r')
    try {
      await fsyncAsync(fd)
    } finally {
      closeSync(fd)
    }
  },

  lock: lockFile,

  free(folder) {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  },

  bootId: () => systemDisk.read(BOOT_ID.file, 0, BOOT_ID.bytes).toString() || undefined,
}

/** Linux tells it. Its size is said to be 0. */
const BOOT_ID = { file: '/proc/sys/kernel/random/boot_id', bytes: 36 }

/** More than a sector: the system reads in pages. */
const PAGE_BYTES = 4_096
/** Of a part of a file. More than this is no bad sector. */
const MAX_LOST_BYTES = 2 ** 18

/** Fills a part of `target` from `position` on. Returns how many bytes; 0 at the end of the file. */
function readSome(
  fd: number,
  target: Buffer,
  position: number,
  onUnreadable: (bytes: number, error: unknown) => void,
): number {
  const page = target.subarray(0, PAGE_BYTES - (position % PAGE_BYTES))
  let failure: unknown
  for (const part of [target, page]) {
    try {
      return readSync(fd, part, 0, part.length, position)
    } catch (error) {
      if (!isErrno(error, 'EIO')) throw error
      failure = error
    }
  }
  onUnreadable(page.length, failure)
  // Not with zeros: at the end of a file these are space that was never written to.
  page.fill(0xff)
  return page.length
}

const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

/** Creates a folder and those above it. The recursive mode of Node never returns for a path in /proc. */
function makeFolder(path: string): void {
  const folder = resolve(path)
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
  withFile(dirname(folder), 'r', fsyncSync)
}

/** Returns what `work` returns; undefined if there is no such file. */
function withFile<T>(file: string, flags: string, work: (fd: number) => T): T | undefined {
  if (!existsSync(file)) return undefined
  const fd = openSync(file, flags)
  try {
    return work(fd)
  } finally {
    closeSync(fd)
  }
}
