import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as lmdb from 'lmdb'
import type { RootDatabase } from 'lmdb'
import { GatewayError } from '../../shared/errors.ts'
import { readChecked, writeChecked } from './checked-file.ts'
import { systemDisk } from './disk.ts'
import type { Disk } from './disk.ts'
import { lockFolder } from './folder-lock.ts'
import type { FolderLock } from './folder-lock.ts'
import { FORMAT, NewerVersion } from './newer-version.ts'

export type { Database, RootDatabase } from 'lmdb'

/**
 * Locks the data folder, and creates it if it is missing: two processes on one folder would not see each other's recalls. Rejects with
 * START_FAILED if another process holds the lock, or if the folder cannot be created.
 */
export async function lockDataDir(dataDir: string): Promise<FolderLock> {
  const lock = await inDataDir(dataDir, () => {
    systemDisk.makeFolder(dataDir)
    checkWritable(dataDir)
    return lockFolder(dataDir)
  })
  if (lock !== undefined) return lock
  const reason = `another gateway uses DATA_DIR ${dataDir}: stop it, or name another folder`
  throw new GatewayError('START_FAILED', reason)
}

/** Returns what `work` resolves to. Rejects with START_FAILED and the reason if it fails. */
export async function inDataDir<T>(dataDir: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    // What the system refuses may depend on the user, what the gateway refuses does not.
    const isOfSystem = cause instanceof Error && 'syscall' in cause
    const user = isOfSystem && process.getuid !== undefined ? ` as user ${process.getuid()}` : ''
    throw new GatewayError('START_FAILED', `cannot use DATA_DIR ${dataDir}${user}: ${reason}`, { cause })
  }
}

/**
 * Says which version wrote the files of the folder, its id, and the app that they are about. A rotten one is replaced: each file
 * tells its version too.
 */
const FORMAT_FILE = 'format'
/** Here the version before this one kept the id, and looks for it. */
const FOLDER_ID_FILE = 'folder-id'

/**
 * Returns the id of a data folder, which it chooses at random for a new one: a process that takes over the folder can be
 * recognized. A folder that does not say its app, as those of the version before this one, belongs to `app` from now on. Rejects
 * with START_FAILED, also for a folder that a newer version has written, or of another app, in which nothing is changed then. A
 * file that is no id, as a full disk or a crash can leave one, is replaced.
 */
export function readFolderId(
  { dataDir, app, disk = systemDisk }: FolderIdOptions,
  { onRotten = () => undefined }: { readonly onRotten?: OnRotten } = {},
): Promise<string> {
  return inDataDir(dataDir, () => {
    const file = join(dataDir, FORMAT_FILE)
    const { stored, isRotten } = readFormat({ dataDir, app, disk })
    const { format, folder = '', app: owner } = stored
    const idFile = join(dataDir, FOLDER_ID_FILE)
    const ids = [folder, disk.read(idFile).toString('utf8').trim()]
    const id = ids.find(isId) ?? randomUUID()
    if (isRotten) onRotten(file)
    if (ids[1] !== id && disk.size(idFile) !== undefined) onRotten(idFile)
    if (ids[1] !== id) disk.replace(idFile, Buffer.from(`${id}\n`))
    if (ids[0] !== id || format !== FORMAT || owner !== app)
      writeChecked(disk, file, { format: FORMAT, folder: id, app } satisfies FolderFormat)
    return id
  })
}

/** Returns the id of a data folder that a process has used; undefined for another one. Changes nothing. */
export function peekFolderId(dataDir: string, disk = systemDisk): string | undefined {
  const file = join(dataDir, FOLDER_ID_FILE)
  const id = disk.size(file) === undefined ? '' : disk.read(file).toString('utf8').trim()
  return isId(id) ? id : undefined
}

interface FolderIdOptions {
  readonly dataDir: string
  /** The SDKAppID of the process. */
  readonly app: string
  readonly disk?: Disk
}

/** Called with each file that is not as it was written. */
type OnRotten = (file: string) => void

/** Rejects with START_FAILED if a data folder belongs to another app, or was written by a newer version. */
export const checkFolderApp = (options: FolderIdOptions): Promise<unknown> =>
  inDataDir(options.dataDir, () => readFormat(options))

function readFormat({ dataDir, app, disk = systemDisk }: FolderIdOptions) {
  const file = readChecked(disk, join(dataDir, FORMAT_FILE))
  const stored = (file?.isRotten === false ? file.value : {}) as Partial<FolderFormat>
  if (stored.format !== undefined && stored.format > FORMAT) throw new NewerVersion(dataDir, stored.format)
  // Recalls of one app must not be told to another: its groups can have the same names.
  if (stored.app !== undefined && stored.app !== app)
    throw new Error(
      `it belongs to the app ${stored.app}, and SDK_APP_ID is ${app}: set DATA_DIR to a folder of this app, or to a new one; or start the gateway of app ${stored.app} on this folder`,
    )
  return { stored, isRotten: file?.isRotten === true }
}

const isId = (text = ''): boolean => /^[0-9a-f-]{36}$/.test(text)

interface FolderFormat {
  readonly format: number
  /** The id of the folder. */
  readonly folder: string
  /** The SDKAppID; undefined in what was written before it was noted. */
  readonly app: string | undefined
}

/**
 * Writes a file and removes it: permissions alone do not tell, and lmdb never returns in a folder such as /proc. Throws errors of the
 * file system, but not that there is no room: what the folder holds can be used all the same.
 */
export function checkWritable(folder: string, writeFile: (file: string) => void = writeEmpty): void {
  const file = join(folder, `.write-check-${process.pid}`)
  try {
    writeFile(file)
    rmSync(file)
  } catch (error) {
    if (!isFull(error)) throw error
  }
}

const writeEmpty = (file: string): void => writeFileSync(file, '')

/** Some file systems cannot even create an empty file when they are full, or when as many files as they can hold are there. */
const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code))

interface StoreOptions {
  /** Creates and changes nothing. */
  readonly readOnly?: boolean
}

/** Opens an lmdb store, and creates it with its folder if it is missing. Throws errors of the file system as they are. */
export function openStore(path: string, { readOnly = false }: StoreOptions = {}): RootDatabase {
  if (!readOnly) systemDisk.makeFolder(dirname(path))
  return lmdb.open({
    path,
    readOnly,
    // Otherwise a write would resolve before it is on disk.
    overlappingSync: false,
    // Otherwise each disk failure would cause a rejection that no caller can handle, which ends the process.
    eventTurnBatching: false,
  })
}

/** Returns the key that these bytes of an lmdb store are; undefined for none. */
export function decodeKey(bytes: Buffer): unknown {
  try {
    return (lmdb as unknown as KeyCoding).bufferToKeyValue(Buffer.from(bytes))
  } catch {
    return undefined
  }
}

/** Returns the bytes of a key in an lmdb store. */
export const encodeKey = (key: unknown): Buffer => (lmdb as unknown as KeyCoding).keyValueToBuffer(key)

/** Exported, but not in the types. */
interface KeyCoding {
  bufferToKeyValue(bytes: Buffer): unknown
  keyValueToBuffer(key: unknown): Buffer
}

/** Returns the outcome of a write. The error of lmdb says nothing, but carries a promise that rejects with the reason, at once. */
export async function committed<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (!(error instanceof Error && 'commitError' in error)) throw error
    let reason: unknown = error
    Promise.resolve(error.commitError).catch((inner: unknown) => (reason = inner))
    await nextTurn()
    throw reason
  }
}
