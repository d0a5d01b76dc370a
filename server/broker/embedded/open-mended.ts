import { join } from 'node:path'
import { readChecked, writeChecked } from '../../lib/checked-file.ts'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { openLogStore } from './log-store.ts'
import type { LogStore, LogStoreOptions } from './log-store.ts'
import { salvage } from './salvage.ts'
import { checkStore } from './store-check.ts'
import type { Checked } from './store-check.ts'

/** A larger file is not read as a whole at each start, because that takes more than a second, in which webhooks are lost. */
const MAX_BYTES_READ_AT_START = 2 ** 26
/** For an empty store, and for what a salvaged one may take more than the damaged one. */
const MIN_FREE_BYTES = 2 ** 22
/** Ends of the process in a row, without closing the store, after which a larger file is read too: perhaps lmdb ended it. */
const UNCLEAN_ENDS = 2

interface MendedOptions extends LogStoreOptions {
  readonly disk?: Disk
  /** Whether lmdb found it damaged. */
  readonly isBroken: boolean
  readonly log: Logger
}

/** What a file beside the store says of it. */
interface State {
  /** How many processes in a row have opened it, and not closed it. */
  readonly unclosed: number
  /** Whether values may be in it that have no checksum. */
  readonly hasOld: boolean
  /** When something was written last, or earlier, in ms since 1970; undefined in a file of the version before this one. */
  readonly writtenAtMs?: number | undefined
}

/**
 * Opens the store of the embedded broker, after reading it as a whole if it is not large, or if the processes before ended without
 * closing it. A damaged file is kept under another name, and what it still holds becomes a new one. Rejects with errors of the file
 * system, and NewerVersion.
 */
export async function openMended({
  disk = systemDisk,
  isBroken,
  log,
  ...options
}: MendedOptions): Promise<LogStore> {
  const folder = join(options.dataDir, 'broker')
  const [file, salvaged, stateFile] = ['data.mdb', 'salvaged.mdb', 'state'].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  disk.makeFolder(folder)
  // The process ended when all was salvaged, between two names.
  if (disk.size(file) === undefined && disk.size(salvaged)) disk.rename(salvaged, file)
  disk.remove(salvaged)

  const stored = readChecked(disk, stateFile)
  const {
    unclosed = 0,
    hasOld: mayHaveOld = true,
    writtenAtMs,
  } = (stored?.isRotten === false ? stored.value : {}) as Partial<State>
  if (!disk.size(file) && writtenAtMs !== undefined)
    log.error({ file }, 'the file of the store is empty or gone, and all that it held: a new one is made')
  let checked = check()
  if (checked.damage !== undefined) {
    log.error({ damage: checked.damage, file }, 'the store is damaged on disk, salvaging what it holds')
    needRoom((disk.size(file) ?? 0) + MIN_FREE_BYTES, 'to salvage the damaged store')
    const records = await salvage({ ...options, disk, from: file, to: salvaged })
    disk.rename(file, `${file}.damaged`)
    disk.rename(salvaged, file)
    for (const lock of ['lock.mdb', 'salvaged.mdb-lock']) disk.remove(join(folder, lock))
    log.error(
      { records, kept: `${file}.damaged` },
      'the store was salvaged, clients are told that notices may be missing',
    )
    checked = { damage: undefined, rotten: [], hasOld: false }
  }
  if (disk.size(file) === undefined || disk.size(join(folder, 'lock.mdb')) === undefined)
    needRoom(MIN_FREE_BYTES, 'to create the store')
  writeState({ unclosed: unclosed + 1, hasOld: checked.hasOld, writtenAtMs })
  const store = openLogStore({ ...options, writtenAtMs })
  store.look(checked.rotten)
  let isUpgraded = !checked.hasOld
  const upgrading = isUpgraded ? undefined : upgrade()

  function check(): Checked {
    const size = disk.size(file) ?? 0
    if (size === 0) return { damage: undefined, rotten: [], hasOld: false }
    if (!isBroken && unclosed < UNCLEAN_ENDS && size > MAX_BYTES_READ_AT_START)
      return { damage: undefined, rotten: [], hasOld: mayHaveOld }
    const startMs = performance.now()
    const found = checkStore(disk, file)
    log.debug({ size, ms: Math.round(performance.now() - startMs) }, 'the store was checked')
    return found
  }

  /** In the background, because a large store takes minutes. */
  async function upgrade(): Promise<void> {
    try {
      isUpgraded = await store.upgrade()
    } catch (err) {
      log.error(
        { err },
        'cannot give checksums to what an earlier version stored, trying again at the next start',
      )
    }
  }

  /** Throws if the disk has less room: lmdb would end the process, without a word, at the first page that it cannot write. */
  function needRoom(bytes: number, purpose: string): void {
    const free = disk.free(folder)
    if (free === undefined || free >= bytes) return
    const [needed, there] = [Math.ceil(bytes / 2 ** 20), Math.floor(free / 2 ** 20)]
    throw new Error(
      `no room on the disk: ${needed} MiB must be free in ${folder} ${purpose}, ${there} MiB are`,
    )
  }

  const stateNow = (unclosedNow: number): State => ({
    unclosed: unclosedNow,
    hasOld: !isUpgraded,
    writtenAtMs: store.clock.latestStampMs(),
  })

  /** A full disk can be read: without the file, only a larger store is not looked at after the process was ended twice. */
  function writeState(state: State): void {
    try {
      writeChecked(disk, stateFile, state)
    } catch (err) {
      log.warn(
        { err, file: stateFile },
        'cannot write on the disk of the store, which can be read all the same',
      )
    }
  }

  let isClosed = false
  return {
    ...store,

    async sweep() {
      const kept = await store.sweep()
      if (!isClosed) writeState(stateNow(unclosed + 1))
      return kept
    },

    async close() {
      isClosed = true
      await Promise.all([store.close(), upgrading])
      writeState(stateNow(0))
    },
  }
}
