import { join } from 'node:path'
import { GatewayError, reasonOf } from '../../../shared/errors.ts'
import type { QuarantineKind } from '../../../shared/http-api/quarantine.ts'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import { openJournal } from '../../lib/journal/journal.ts'
import type { Damage, Journal } from '../../lib/journal/journal.ts'
import { EntryIndex, toIndexed } from './entry-index.ts'
import type { EntryFilter, IndexedEntry } from './entry-index.ts'
import { KIND_LIMITS, KINDS } from './kinds.ts'
import { readOldQuarantine, toRotten } from './old-quarantine.ts'
import type { Quarantine, QuarantinedRequest } from './quarantine.ts'
import { toQuarantined } from './given-up.ts'
import { createRemovedMarks } from './removed-marks.ts'
import { bounded, decodeEntry, encodeEntry } from './stored-entry.ts'
import type { StoredEntry } from './stored-entry.ts'

/** Entries read at a time. */
const PAGE = 500
/** The folder is looked at for what another process removed at most for this share of the time. */
const LOOKING_SHARE = 0.01

interface QuarantineOptions {
  readonly dataDir: string
  /** Size of all entries on disk. Each kind has its share of it. */
  readonly maxBytes?: number
  /** Whether the folder belongs to this process. Another one may read it, and remove entries. */
  readonly isOwner?: boolean
  readonly disk?: Disk
  /** Called with how many were evicted because of the limits of their kind. */
  readonly onEvicted?: (entries: number) => void
  /** Called with what is wrong on disk, in words. */
  readonly onDamage?: (damage: string) => void
}

interface QuarantineEntry {
  readonly id: number
  readonly kind: QuarantineKind
  readonly quarantinedAtMs: number
  readonly request: QuarantinedRequest
}

export interface QuarantineStore extends Quarantine {
  /** Returns whole entries, oldest first. */
  list(): QuarantineEntry[]
  /** Returns what is known of entries without reading them, oldest first. */
  matching(filter: EntryFilter): readonly IndexedEntry[]
  get(id: number): IndexedEntry | undefined
  /** Returns undefined for an entry that is not there, or no longer as it was written. */
  read(id: number): QuarantinedRequest | undefined
  size(): number
  /** Size on disk. */
  bytes(): number
  /** Gives an entry another reason, unless it is gone. Resolves once that is on disk. */
  setReason(id: number, reason: string): Promise<void>
  /** Removes entries; those that are not there are ignored. Resolves once that is on disk. */
  remove(ids: readonly number[]): Promise<void>
  /** Removes the entries that came before this time. Resolves to how many. */
  expire(beforeMs: number): Promise<number>
  close(): Promise<void>
}

/**
 * Opens the quarantine in DATA_DIR: a journal for each kind, and an index in memory. Another process may read them and remove entries at
 * the same time. Takes over what earlier versions kept there. Rejects with file system errors.
 */
export async function openQuarantine({
  dataDir,
  maxBytes = Infinity,
  isOwner = true,
  disk = systemDisk,
  onEvicted,
  onDamage = () => undefined,
}: QuarantineOptions): Promise<QuarantineStore> {
  const folder = join(dataDir, 'quarantine')
  const rottenHere: Damage[] = []
  const marks = createRemovedMarks(disk, folder)
  // Before the journals are read: their owner removes a mark as soon as they say the same.
  const removedBefore = marks.read()
  const journals = Object.fromEntries(
    KINDS.map((kind) => [
      kind,
      openJournal({
        folder: join(folder, kind),
        disk,
        readOnly: !isOwner,
        onDamage: (damage) => damage.kind === 'entry' && rottenHere.push(damage),
      }),
    ]),
  ) as Record<QuarantineKind, Journal>
  const index = new EntryIndex()
  const old = readOldQuarantine(disk, folder)
  if (isOwner) takeOver()
  const repeated = readAll()
  let nextId = Math.max(0, ...index.matching().map(({ id }) => id), ...old.entries.map(({ id }) => id)) + 1
  let lookAtMs = 0
  let applying: Promise<void> | undefined
  let evicting: Promise<void> = Promise.resolve()
  if (isOwner) {
    // The process ended between giving an entry another reason and removing it with the one before.
    for (const { kind, key } of repeated) await journals[kind].remove([key])
    await applyRemoved()
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
    if (old.entries.length > 0) {
      // The process may have ended before it removed the old file.
      const isTaken = new Set(KINDS.flatMap((kind) => [...stored(kind)].map(({ entry }) => entry.id)))
      for (const kind of KINDS) {
        const entries = old.entries.filter((entry) => entry.kind === kind && !isTaken.has(entry.id))
        journals[kind].importSync(entries.map(({ id, request }) => encodeEntry({ id, request })))
      }
    }
    if (old.damage !== undefined)
      onDamage(`data.mdb of the version before is damaged, and kept: ${old.damage}`)
    old.finish()
  }

  /** Reads all entries of a kind. */
  function* stored(kind: QuarantineKind) {
    for (let fromKey = 0; ;) {
      const page = journals[kind].read(PAGE, { fromKey })
      // What has rotted since the start is found at the next one.
      for (const { key, payload, isRotten } of page)
        if (!isRotten) yield { key, entry: decodeEntry(payload), bytes: payload.length }
      const last = page.at(-1)
      if (last === undefined) return
      fromKey = last.key + 1
    }
  }

  /** Fills the index, and returns what is there a second time: the older one of each. */
  function readAll(): IndexedEntry[] {
    const found = KINDS.flatMap((kind) =>
      [...stored(kind)].map(({ key, entry, bytes }) => toIndexed(kind, key, entry, bytes)),
    )
    const repeats: IndexedEntry[] = []
    for (const entry of found.toSorted((one, other) => one.id - other.id || one.key - other.key)) {
      const before = index.get(entry.id)
      if (before !== undefined) repeats.push(before)
      if (isOwner || !removedBefore.has(entry)) index.put(entry)
    }
    return repeats
  }

  /** Removes what another process removed. */
  function applyRemoved(): Promise<void> {
    return (applying ??= apply().finally(() => (applying = undefined)))
  }

  async function apply(): Promise<void> {
    const removed = marks.read()
    if (removed.files.length === 0) return
    await removeEntries(index.matching().filter(removed.has))
    marks.remove(removed.files)
  }

  async function removeEntries(entries: readonly IndexedEntry[]): Promise<void> {
    for (const entry of entries) index.delete(entry)
    for (const kind of KINDS) {
      const keys = entries.filter((entry) => entry.kind === kind).map(({ key }) => key)
      if (keys.length > 0) await journals[kind].remove(keys)
    }
  }

  function addRotten(bytes: Buffer, reason: string): Promise<void> {
    return add('rotten', toRotten(bytes, reason))
  }

  async function add(kind: QuarantineKind, request: QuarantinedRequest): Promise<void> {
    index.put(await append(kind, { id: nextId++, atMs: Date.now(), request }))
    await evict(kind)
  }

  async function append(kind: QuarantineKind, unbounded: StoredEntry): Promise<IndexedEntry> {
    const entry = bounded(unbounded)
    const payload = encodeEntry(entry)
    return toIndexed(kind, await journals[kind].append(payload), entry, payload.length)
  }

  /** One after the other, so that none evicts for another. Never rejects: more than enough is kept then. */
  function evict(kind: QuarantineKind): Promise<void> {
    const { maxEntries, share } = KIND_LIMITS[kind]
    const surplus = () => index.surplus(kind, maxEntries, maxBytes * share)
    evicting = evicting.then(
      async () => {
        if (surplus().length === 0) return
        await applyRemoved()
        const evicted = surplus()
        await removeEntries(evicted)
        if (evicted.length > 0) onEvicted?.(evicted.length)
      },
      () => undefined,
    )
    return evicting.catch(() => undefined)
  }

  function readIndexed({ kind, key, ...entry }: IndexedEntry): StoredEntry | undefined {
    const [found] = journals[kind].read(1, { fromKey: key })
    if (found?.key === key && !found.isRotten) return decodeEntry(found.payload)
    // Its file may be gone. What has rotted is found at the next start.
    if (found?.key !== key) index.delete({ kind, key, ...entry })
    return undefined
  }

  return {
    add: (request) => add('webhook', request),
    addRecall: (request) => add('recall', request),
    addRelay: (request, reason) => add('relay', toQuarantined(request, reason)),
    addRotten,

    list() {
      const untaken = isOwner ? [] : old.entries
      const removed = marks.read()
      const entries = index
        .matching()
        .filter((entry) => !removed.has(entry))
        .flatMap(({ id, kind, quarantinedAtMs, ...entry }) => {
          const read = readIndexed({ id, kind, quarantinedAtMs, ...entry })
          return read === undefined ? [] : [{ id, kind, quarantinedAtMs, request: read.request }]
        })
      return [
        ...entries,
        ...untaken.map((entry) => ({ ...entry, quarantinedAtMs: entry.request.receivedAtMs })),
      ].toSorted((one, other) => one.id - other.id)
    },

    matching: (filter) => index.matching(filter),
    get: (id) => index.get(id),

    read(id) {
      const entry = index.get(id)
      return entry && readIndexed(entry)?.request
    },

    size() {
      const startMs = performance.now()
      if (isOwner && startMs >= lookAtMs) {
        applyRemoved().catch(() => undefined)
        const endMs = performance.now()
        lookAtMs = endMs + (endMs - startMs) / LOOKING_SHARE
      }
      return index.size
    },

    bytes: () => index.bytes,

    async setReason(id, reason) {
      const before = index.get(id)
      const entry = before && readIndexed(before)
      if (before === undefined || entry === undefined || entry.request.reason === reason) return
      const { kind, quarantinedAtMs } = before
      const after = await append(kind, {
        ...entry,
        atMs: quarantinedAtMs,
        request: { ...entry.request, reason },
      })
      // Unless somebody removed it meanwhile.
      const isThere = index.get(id)?.key === before.key
      if (isThere) index.put(after)
      await journals[kind].remove([isThere ? before.key : after.key])
    },

    async remove(ids) {
      if (isOwner) return await removeEntries(ids.flatMap((id) => index.get(id) ?? []))
      const untaken = old.entries.find(({ id }) => ids.includes(id))
      if (untaken !== undefined)
        throw new GatewayError(
          'SEND_FAILED',
          'start the gateway of this version once: it takes over what the one before it kept',
        )
      for (const id of ids) marks.put(id)
    },

    async expire(beforeMs) {
      const expired = index.matching().filter(({ quarantinedAtMs }) => quarantinedAtMs < beforeMs)
      await removeEntries(expired)
      return expired.length
    },

    async close() {
      await evicting.catch(() => undefined)
      await applying?.catch(() => undefined)
      for (const kind of KINDS) await journals[kind].close()
    },
  }
}
