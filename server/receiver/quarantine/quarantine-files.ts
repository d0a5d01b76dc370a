import { join } from 'node:path'
import { GatewayError, reasonOf } from '../../../shared/errors.ts'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import { openJournal } from '../../lib/journal/journal.ts'
import type { Damage, Journal } from '../../lib/journal/journal.ts'
import { readOldStore } from '../../lib/old-store.ts'
import { encodeBody } from './quarantine.ts'
import type { Quarantine, QuarantinedRequest } from './quarantine.ts'

type Kind = 'webhook' | 'recall' | 'rotten'

/** Recalls were answered with OK, so far more are kept, and webhooks that nobody understands do not evict them. */
const MAX_BY_KIND: Readonly<Record<Kind, number>> = { webhook: 1_000, recall: 50_000, rotten: 1_000 }
/** Entries read at a time. */
const PAGE = 500
/** The folder is looked at for what another process removed at most for this share of the time. */
const LOOKING_SHARE = 0.01

interface QuarantineOptions {
  readonly dataDir: string
  /** Whether the folder belongs to this process. Another one may read it, and remove entries. */
  readonly isOwner?: boolean
  readonly disk?: Disk
  /** Called with how many were evicted. */
  readonly onEvicted?: (requests: number) => void
  /** Called with what is wrong on disk, in words. */
  readonly onDamage?: (damage: string) => void
}

interface QuarantineEntry {
  readonly id: number
  readonly kind: Kind
  /** Its key in the journal of its kind; undefined while it is in the files of the version before this one. */
  readonly key: number | undefined
  readonly request: QuarantinedRequest
}

export interface QuarantineStore extends Quarantine {
  /** Oldest first. */
  list(): QuarantineEntry[]
  size(): number
  remove(entry: QuarantineEntry): Promise<void>
  close(): Promise<void>
}

/** An entry as it is stored. */
interface Stored {
  readonly id: number
  readonly request: QuarantinedRequest
}

/** Says that another process removed the entry with this key: the owner of the journals removes it then. */
const REMOVED_FILE = /^(webhook|recall|rotten)-(\d+)\.removed$/

/**
 * Opens the quarantine in DATA_DIR: a journal for each kind. Another process may read them and remove entries at the same time.
 * Takes over what the version before this one kept there. Rejects with file system errors.
 */
export async function openQuarantine({
  dataDir,
  isOwner = true,
  disk = systemDisk,
  onEvicted,
  onDamage = () => undefined,
}: QuarantineOptions): Promise<QuarantineStore> {
  const folder = join(dataDir, 'quarantine')
  const rottenHere: Damage[] = []
  const journalOf = (kind: Kind): Journal =>
    openJournal({
      folder: join(folder, kind),
      disk,
      readOnly: !isOwner,
      onDamage: (damage) => damage.kind === 'entry' && rottenHere.push(damage),
    })
  const journals = { webhook: journalOf('webhook'), recall: journalOf('recall'), rotten: journalOf('rotten') }
  const kinds = Object.keys(journals) as Kind[]
  const old = readOld(disk, folder)
  let nextId = Math.max(0, ...kinds.map(lastId), ...old.entries.map(({ id }) => id)) + 1
  let lookAtMs = 0
  let evicting: Promise<void> = Promise.resolve()
  if (isOwner) {
    takeOver()
    for (const { where } of rottenHere) onDamage(`an entry is rotten: ${where}`)
    // Together, so that they share a flush. They stay in their files if the disk is full.
    const adding = rottenHere.map(({ bytes, where }) =>
      addRotten(bytes, `rotten on disk: ${where}`).catch((error: unknown) =>
        onDamage(`cannot set aside what is rotten in ${where}: ${reasonOf(error)}`),
      ),
    )
    await Promise.all(adding)
  }

  function takeOver(): void {
    // The process may have ended before it removed the old file.
    const isTaken = new Set(
      old.entries.length > 0 ? kinds.flatMap((kind) => [...listKind(kind)].map(({ id }) => id)) : [],
    )
    for (const kind of kinds) {
      const entries = old.entries.filter((entry) => entry.kind === kind && !isTaken.has(entry.id))
      journals[kind].importSync(entries.map(({ id, request }) => encode({ id, request })))
    }
    if (old.damage !== undefined)
      onDamage(`data.mdb of the version before is damaged, and kept: ${old.damage}`)
    old.finish()
  }

  /** The newest entries may have been removed, and the ids of those before them must not be given again. */
  function lastId(kind: Kind): number {
    const journal = journals[kind]
    const oldestKey = journal.oldestKey() ?? Infinity
    for (let fromKey = journal.newestKey(); ; fromKey -= PAGE) {
      const last = journal.read(PAGE, { fromKey }).findLast(({ isRotten }) => !isRotten)
      if (last !== undefined) return decode(last.payload).id
      if (fromKey <= oldestKey) return 0
    }
  }

  /** Returns the keys that another process removed. */
  function removedIn(kind: Kind): Set<number> {
    return new Set(
      disk.list(folder).flatMap((file) => {
        const [, of, key] = REMOVED_FILE.exec(file) ?? []
        return of === kind ? [Number(key)] : []
      }),
    )
  }

  /** Removes what another process removed. */
  async function applyRemoved(): Promise<void> {
    for (const kind of kinds) {
      const keys = [...removedIn(kind)]
      if (keys.length === 0) continue
      await journals[kind].remove(keys)
      for (const key of keys) disk.remove(join(folder, `${kind}-${key}.removed`))
    }
  }

  function addRotten(bytes: Buffer, reason: string): Promise<void> {
    return add('rotten', rotten(bytes, reason))
  }

  async function add(kind: Kind, request: QuarantinedRequest): Promise<void> {
    await journals[kind].append(encode({ id: nextId++, request }))
    await evict(kind)
  }

  /** One after the other, so that none evicts for another. Never rejects: more than enough is kept then. */
  function evict(kind: Kind): Promise<void> {
    evicting = evicting.then(
      async () => {
        const journal = journals[kind]
        if (journal.size() <= MAX_BY_KIND[kind]) return
        await applyRemoved()
        const surplus = journal.read(Math.max(0, journal.size() - MAX_BY_KIND[kind]))
        await journal.remove(surplus.map(({ key }) => key))
        if (surplus.length > 0) onEvicted?.(surplus.length)
      },
      () => undefined,
    )
    return evicting.catch(() => undefined)
  }

  function* listKind(kind: Kind): Generator<QuarantineEntry> {
    const removed = removedIn(kind)
    let fromKey = 0
    for (;;) {
      const page = journals[kind].read(PAGE, { fromKey, skip: (key) => removed.has(key) })
      // What has rotted since the start is found at the next one.
      for (const { key, payload, isRotten } of page) if (!isRotten) yield { ...decode(payload), key, kind }
      const last = page.at(-1)
      if (last === undefined) return
      fromKey = last.key + 1
    }
  }

  return {
    add: (request) => add('webhook', request),
    addRecall: (request) => add('recall', request),
    addRotten,

    list() {
      const untaken = isOwner ? [] : old.entries
      return [...kinds.flatMap((kind) => [...listKind(kind)]), ...untaken].toSorted(
        (one, other) => one.id - other.id,
      )
    },

    size() {
      const startMs = performance.now()
      if (isOwner && startMs >= lookAtMs) {
        applyRemoved().catch(() => undefined)
        const endMs = performance.now()
        lookAtMs = endMs + (endMs - startMs) / LOOKING_SHARE
      }
      return kinds.reduce((sum, kind) => sum + journals[kind].size(), 0)
    },

    async remove({ kind, key }) {
      if (key === undefined)
        throw new GatewayError(
          'SEND_FAILED',
          'start the gateway of this version once: it takes over what the one before it kept',
        )
      if (isOwner) await journals[kind].remove([key])
      else disk.replace(join(folder, `${kind}-${key}.removed`), Buffer.alloc(0))
    },

    async close() {
      await evicting.catch(() => undefined)
      for (const kind of kinds) await journals[kind].close()
    },
  }
}

const encode = (stored: Stored): Buffer => Buffer.from(JSON.stringify(stored))
const decode = (payload: Buffer): Stored => JSON.parse(payload.toString()) as Stored

const rotten = (bytes: Buffer, reason: string): QuarantinedRequest => ({
  receivedAtMs: Date.now(),
  query: '',
  ...encodeBody(bytes),
  reason,
})

/** Returns what the version before this one kept in this folder. */
function readOld(disk: Disk, folder: string) {
  const entries: QuarantineEntry[] = []
  const old = readOldStore(disk, folder, ({ database, key, value }) => {
    if (typeof key !== 'number') return
    try {
      const request = JSON.parse(value.toString()) as QuarantinedRequest
      entries.push({ id: key, key: undefined, kind: database === 'requests' ? 'webhook' : 'recall', request })
    } catch {
      entries.push({
        id: key,
        key: undefined,
        kind: 'rotten',
        request: rotten(value, `entry ${key} in ${folder} is rotten`),
      })
    }
  })
  const unique = new Map(entries.map((entry) => [entry.id, entry]))
  return { entries: [...unique.values()], damage: old?.damage, finish: () => old?.finish() }
}
