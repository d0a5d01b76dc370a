import { dirname } from 'node:path'
import type { Disk, OpenFile } from '../../../server/lib/disk.ts'
import { File } from './file.ts'
import { world } from './world.ts'
import { disks } from './stores.ts'
import type { SimProcess } from './schedule.ts'

// Stands in for the module of the project that opens files, on a disk in memory. It forgets what a power cut may forget: bytes
// and names that were not flushed.

/** How long a write takes that only reaches the system's memory. */
const WRITE_MS = 0.05

const failureOf = (code: string, file: string): Error =>
  Object.assign(new Error(`${code}: the disk failed, ${file}`), { code })

interface Rename {
  readonly name: string
  /** Undefined if the name is gone. */
  readonly file: File | undefined
}

interface Writing {
  readonly owner: SimProcess
  readonly file: File
  readonly content: Buffer
  readonly offset: number
}

/** The files of a run, apart from those of lmdb; they outlive processes. */
class Files {
  #names = new Map<string, File>()
  readonly #flushedNames = new Map<string, File>()
  readonly #powerCuts: string[] = []
  /** Not flushed yet, in order. */
  readonly #renames: Rename[] = []
  readonly #writing = new Set<Writing>()
  readonly #watched = new WeakSet<SimProcess>()

  bootId(folder: string): string {
    return `boot ${this.#powerCuts.filter((cut) => `${folder}/`.startsWith(`${cut}/`)).length}`
  }

  find(name: string): File | undefined {
    return this.#names.get(name)
  }

  /** What is directly below a folder. */
  list(folder: string): string[] {
    const below = [...this.#names.keys()].filter((name) => name.startsWith(`${folder}/`))
    return [...new Set(below.map((name) => name.slice(folder.length + 1).split('/')[0] ?? ''))]
  }

  set(name: string, file: File | undefined): void {
    if (file) this.#names.set(name, file)
    else this.#names.delete(name)
    this.#renames.push({ name, file })
  }

  flushNames(folder: string): void {
    let last = -1
    for (const [i, { name }] of this.#renames.entries()) if (dirname(name) === folder) last = i
    this.#flushNames(this.#renames.splice(0, last + 1))
  }

  #flushNames(renames: readonly Rename[]): void {
    for (const { name, file } of renames)
      if (file) this.#flushedNames.set(name, file)
      else this.#flushedNames.delete(name)
  }

  /** A write that is under way, of which a killed process may have done any part. */
  begin(writing: Writing): () => void {
    const { owner } = writing
    this.#writing.add(writing)
    if (!this.#watched.has(owner)) {
      this.#watched.add(owner)
      owner.onKill.push(() => this.#interrupt(owner))
    }
    return () => void this.#writing.delete(writing)
  }

  #interrupt(owner: SimProcess): void {
    for (const writing of this.#writing)
      if (writing.owner === owner) {
        this.#writing.delete(writing)
        writeSome(writing.file, writing.content, writing.offset)
      }
  }

  /** The machine of the files below this folder loses its power. Its processes are killed before. */
  cutPower(folder: string): void {
    this.#powerCuts.push(folder)
    const isBelow = (name: string): boolean => name.startsWith(`${folder}/`)
    const own = this.#renames.filter(({ name }) => isBelow(name))
    const others = this.#renames.filter(({ name }) => !isBelow(name))
    // A file system keeps the order of names, and not how many of them it has flushed by itself.
    this.#flushNames(own.slice(0, world.random.below(own.length + 1)))
    this.#renames.splice(0, Infinity, ...others)
    for (const name of this.#names.keys()) if (isBelow(name)) this.#names.delete(name)
    for (const [name, file] of this.#flushedNames) {
      if (!isBelow(name)) continue
      this.#names.set(name, file)
      file.losePower()
    }
  }

  /** Flips a bit in a file below this folder. Returns its name, or undefined if all are empty. */
  rot(folder: string): string | undefined {
    const found = [...this.#names].filter(([name, { size }]) => name.startsWith(folder) && size > 0)
    if (found.length === 0) return undefined
    const [name, file] = world.random.pick(found)
    file.flipBit(world.random.below(file.size * 8))
    return name
  }
}

function writeSome(file: File, content: Buffer, offset: number): void {
  file.write(content.subarray(0, world.random.below(content.length + 1)), offset)
}

const filesOf = new WeakMap<object, Files>()

/** The files on the disks of this run. */
export function files(): Files {
  const known = filesOf.get(disks.current) ?? new Files()
  filesOf.set(disks.current, known)
  return known
}

/** The call of a process that ends after so long, unless it throws. */
const later = <T>(ms: number, run: () => T): Promise<T> =>
  new Promise((resolve, reject) => {
    const { schedule } = world
    schedule.after(ms, schedule.current, () => {
      try {
        resolve(run())
      } catch (error) {
        reject(error as Error)
      }
    })
  })

function check(name: string): void {
  const { failure } = disks.current.behaviourOf(name)
  if (failure !== undefined) throw failureOf(failure, name)
}

const isFull = (name: string): boolean => disks.current.behaviourOf(name).failure === 'ENOSPC'

function openFile(name: string, file: File): OpenFile {
  let isClosed = false
  const checkOpen = (): void => {
    if (isClosed) throw failureOf('EBADF', name)
  }
  return {
    async write(content: Buffer, offset: number): Promise<void> {
      if (content.length > 0) checkOpen()
      const bytes = Buffer.from(content)
      const writing = { owner: world.schedule.current, file, content: bytes, offset }
      const end = files().begin(writing)
      return later(WRITE_MS, () => {
        end()
        if (!isFull(name)) return file.write(bytes, offset)
        writeSome(file, bytes, offset)
        check(name)
      })
    },
    async sync(): Promise<void> {
      checkOpen()
      const count = file.written
      return later(disks.current.behaviourOf(name).syncMs(), () => {
        const { failure } = disks.current.behaviourOf(name)
        if (failure === undefined) return file.flush(count)
        file.forget(count, world.random.chance(0.5))
        check(name)
      })
    },
    hasName: () => files().find(name) === file,
    close(): void {
      checkOpen()
      isClosed = true
    },
  }
}

export const systemDisk: Disk = {
  makeFolder: () => undefined,
  list: (folder) => files().list(folder),
  size: (name) => files().find(name)?.size,
  read: (name, offset = 0, length = Infinity) => files().find(name)?.read(offset, length) ?? Buffer.alloc(0),

  replace(name, content) {
    check(name)
    const file = new File()
    file.write(content, 0)
    file.flush(file.written)
    files().set(name, file)
    files().flushNames(dirname(name))
  },

  rename(name, other) {
    check(name)
    const file = files().find(name)
    if (file === undefined) throw failureOf('ENOENT', name)
    files().set(name, undefined)
    files().set(other, file)
    files().flushNames(dirname(other))
  },

  remove(name) {
    if (files().find(name)) files().set(name, undefined)
  },

  create: (name) =>
    later(WRITE_MS, () => {
      if (isFull(name)) check(name)
      if (files().find(name)) throw failureOf('EEXIST', name)
      const file = new File()
      files().set(name, file)
      return openFile(name, file)
    }),

  syncFolder: (folder) =>
    later(disks.current.behaviourOf(folder).syncMs(), () => {
      check(folder)
      files().flushNames(folder)
    }),

  free: () => undefined,

  // The name that the folder is locked by as well, in the network, tells.
  lock: () => ({ doubt: undefined, close: () => undefined }),

  bootId: (folder: string): string => files().bootId(folder),
}
