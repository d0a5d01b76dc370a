import { existsSync, readFileSync, realpathSync, statfsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { checkFolderApp, checkWritable } from '../lib/data-dir.ts'
import { systemDisk } from '../lib/disk.ts'
import { critical, info, ok, sizeOf, warning } from './finding.ts'
import type { Finding } from './finding.ts'

/** What there is to know of a data folder without taking part in it. */
export interface DataFolderFacts {
  readonly path: string
  /** False if it will be created: the rest is then about the folder that it will be in. */
  readonly exists: boolean
  /** Why it cannot be written to; undefined if it can. */
  readonly unwritable: string | undefined
  /** Why its contents cannot be used, such as that they belong to another app; undefined if they can. */
  readonly unusable: string | undefined
  readonly isOwn: boolean
  readonly mode: number
  readonly freeBytes: number
  /** Infinity where the file system has no fixed number. */
  readonly freeFiles: number
  /** Magic number of the file system. */
  readonly fileSystem: number
  /** How long a small file takes to be on disk, the median of a few, in ms; undefined if none could be written. */
  readonly flushMs: number | undefined
  /** Whether a process holds the lock; undefined if the system does not say. */
  readonly isLocked: boolean | undefined
}

interface FolderSettings {
  readonly DATA_DIR: string
  readonly SDK_APP_ID: string
  readonly SPOOL_MAX_BYTES: number
  readonly QUARANTINE_MAX_BYTES: number
  readonly RELAY_URL?: unknown
  readonly RELAY_QUEUE_MAX_BYTES: number
}

const FLUSHES = 5
const FLUSH_BYTES = 4_096
const SLOW_FLUSH_MS = 50
/** As long as the provider waits: a recall that goes to the spool is flushed before the answer. */
const VERY_SLOW_FLUSH_MS = 2_000
const MIN_FREE_BYTES = 64 * 2 ** 20
const MIN_FREE_FILES = 1_000
/** Copies of confirmed recalls take as much at most. */
const COPIES_BYTES = 128 * 2 ** 20
/** See statfs(2). */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x69_69, 'NFS'],
  [0x51_7b, 'SMB'],
  [0xff_53_4d_42, 'CIFS'],
  [0xfe_53_4d_42, 'SMB'],
  [0x65_73_55_46, 'FUSE'],
])
const IN_MEMORY: ReadonlyMap<number, string> = new Map([
  [0x01_02_19_94, 'tmpfs'],
  [0x85_84_58_f6, 'ramfs'],
])
const OVERLAY = 0x79_4c_76_30

/** Looks at the data folder, and writes and removes one small file in it. A gateway may be running on it meanwhile. */
export async function lookAtDataFolder(
  { DATA_DIR, SDK_APP_ID }: FolderSettings,
  { isAppKnown }: { readonly isAppKnown: boolean },
): Promise<DataFolderFacts> {
  const path = resolve(DATA_DIR)
  const exists = existsSync(path)
  const folder = exists ? path : nearest(path)
  const { uid, mode } = statSync(folder)
  const { bavail, bsize, ffree, files, type } = statfsSync(folder)
  return {
    path,
    exists,
    unwritable: reasonOf(() => checkWritable(folder)),
    unusable: exists && isAppKnown ? await reasonAgainst(path, SDK_APP_ID) : undefined,
    isOwn: process.getuid === undefined || uid === process.getuid() || process.getuid() === 0,
    mode: mode & 0o777,
    freeBytes: bavail * bsize,
    freeFiles: files === 0 ? Infinity : ffree,
    fileSystem: type,
    flushMs: exists ? await measureFlush(folder) : undefined,
    isLocked: exists ? isFolderInUse(path) : false,
  }
}

/** The sentence without what it is that cannot be used. */
const reasonAgainst = (dataDir: string, app: string): Promise<string | undefined> =>
  checkFolderApp({ dataDir, app }).then(
    () => undefined,
    (error: unknown) => textOf(error instanceof Error && error.cause instanceof Error ? error.cause : error),
  )

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function reasonOf(work: () => void): string | undefined {
  try {
    return work() as undefined
  } catch (error) {
    return textOf(error)
  }
}

/** The folder that exists on the way to this one. */
function nearest(path: string): string {
  const parent = dirname(path)
  return parent === path || existsSync(parent) ? parent : nearest(parent)
}

/** Not in one turn: webhooks must not wait for it. */
async function measureFlush(folder: string): Promise<number | undefined> {
  const path = join(folder, `.doctor-${process.pid}`)
  try {
    systemDisk.remove(path)
    const file = await systemDisk.create(path)
    try {
      const times: number[] = []
      for (let i = 0; i < FLUSHES; i++) {
        const startMs = performance.now()
        await file.write(Buffer.alloc(FLUSH_BYTES), i * FLUSH_BYTES)
        await file.sync()
        times.push(performance.now() - startMs)
      }
      return times.toSorted((a, b) => a - b)[Math.floor(FLUSHES / 2)]
    } finally {
      file.close()
      systemDisk.remove(path)
    }
  } catch {
    return undefined
  }
}

/**
 * Whether a gateway runs on a data folder; undefined if the system does not say. Trying to lock it could keep a gateway from starting at that moment. Of an abstract socket everybody in the network namespace sees
 * the name, and of a lock everybody sees the file.
 */
export function isFolderInUse(path: string): boolean | undefined {
  try {
    const { dev, ino } = statSync(realpathSync(path), { bigint: true })
    const isListening = readFileSync('/proc/net/unix', 'latin1').includes(
      `@recall-gateway-folder-${dev}-${ino}`,
    )
    const file = join(path, 'lock')
    if (isListening || !existsSync(file)) return isListening
    const inode = statSync(file, { bigint: true }).ino
    return new RegExp(`FLOCK .*:${inode} `).test(readFileSync('/proc/locks', 'latin1'))
  } catch {
    return undefined
  }
}

/** Judges whether a gateway with these settings can work with the folder; pure. `isOurs`: this process holds the lock. */
export function judgeDataFolder(
  facts: DataFolderFacts,
  settings: FolderSettings,
  { isOurs = false }: { readonly isOurs?: boolean } = {},
): Finding[] {
  return [access(facts), ...space(facts, settings), ...flush(facts), lock(facts, isOurs)]
}

function access({ path, exists, unwritable, unusable, isOwn, mode, fileSystem }: DataFolderFacts): Finding {
  const where = exists ? path : `${path}, which does not exist yet,`
  if (unwritable !== undefined)
    return critical(
      'data-folder',
      `cannot write to ${where}: ${unwritable}`,
      'Give it to the user of the gateway (chown), mount it for writing, or name another DATA_DIR',
    )
  if (unusable !== undefined)
    return critical('data-folder', `${where} cannot be used: ${unusable}`, 'Name the right DATA_DIR')
  const inMemory = IN_MEMORY.get(fileSystem)
  if (inMemory !== undefined)
    return warning(
      'data-folder',
      `${where} is in memory (${inMemory}): what is in the spool is lost with the power`,
      'Name a DATA_DIR on a disk',
    )
  const network = NETWORK_FILE_SYSTEMS.get(fileSystem)
  if (network !== undefined)
    return warning(
      'data-folder',
      `${where} is on ${network}: flushes are slow, and locks may not hold`,
      'Name a DATA_DIR on a local disk',
    )
  if (fileSystem === OVERLAY)
    return warning(
      'data-folder',
      `${where} is inside of the container: it is lost with the container`,
      'Mount a volume at DATA_DIR',
    )
  if (!isOwn)
    return info(
      'data-folder',
      `${where} belongs to another user, and can be written to`,
      'See whether that is meant',
    )
  if (exists && (mode & 0o007) !== 0)
    return info(
      'data-folder',
      `everybody on this machine can look into ${where}`,
      'chmod o-rwx: the quarantine holds webhooks as they came',
    )
  return ok('data-folder', `${where} can be used`)
}

function space(
  { freeBytes, freeFiles }: DataFolderFacts,
  { SPOOL_MAX_BYTES, QUARANTINE_MAX_BYTES, RELAY_URL, RELAY_QUEUE_MAX_BYTES }: FolderSettings,
): Finding[] {
  const fix = 'Make room, or name a DATA_DIR on a larger disk. Full, recalls are refused while Redis is down'
  if (freeBytes < MIN_FREE_BYTES) return [critical('data-folder-space', `${sizeOf(freeBytes)} are free`, fix)]
  if (freeFiles < MIN_FREE_FILES)
    return [critical('data-folder-space', `only ${freeFiles} more files can be created (inodes)`, fix)]
  const queue = RELAY_URL === undefined ? 0 : RELAY_QUEUE_MAX_BYTES
  const wanted = SPOOL_MAX_BYTES + COPIES_BYTES + QUARANTINE_MAX_BYTES + queue
  const found = `${sizeOf(freeBytes)} are free; what the gateway stores there may take ${sizeOf(wanted)}`
  if (freeBytes < wanted)
    return [
      warning(
        'data-folder-space',
        found,
        `${fix}; or lower SPOOL_MAX_BYTES, QUARANTINE_MAX_BYTES and RELAY_QUEUE_MAX_BYTES`,
      ),
    ]
  return [ok('data-folder-space', found)]
}

function flush({ flushMs }: DataFolderFacts): Finding[] {
  if (flushMs === undefined) return []
  const found = `a flush takes ${flushMs < 10 ? flushMs.toFixed(1) : Math.round(flushMs)} ms`
  if (flushMs < SLOW_FLUSH_MS) return [ok('data-folder-flush', found)]
  const judge = flushMs < VERY_SLOW_FLUSH_MS ? warning : critical
  return [judge('data-folder-flush', found, 'Use a faster disk, or one that less else writes to')]
}

function lock({ isLocked: isHeld }: DataFolderFacts, isOurs: boolean): Finding {
  if (isOurs) return ok('data-folder-lock', 'this process holds it')
  if (isHeld === undefined) return info('data-folder-lock', 'the system does not say who holds it')
  return isHeld
    ? ok('data-folder-lock', 'a gateway runs on it')
    : ok('data-folder-lock', 'no gateway runs on it now')
}
