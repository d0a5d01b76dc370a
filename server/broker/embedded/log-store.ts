import { join } from 'node:path'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import { committed, openStore } from '../../lib/data-dir.ts'
import type { Damage } from '../../lib/journal/journal.ts'
import { POSITION_TTL_S, UNUSED_POSITION_TTL_S } from '../broker.ts'
import type { BrokerOptions } from '../broker.ts'
import { openAnnouncements } from './announcements.ts'
import type { Announcements } from './announcements.ts'
import { CheckedDatabase } from './checked-database.ts'
import type { CheckedOptions } from './checked-database.ts'
import type { Key } from './checked-value.ts'
import { DATABASES } from './databases.ts'
import { openRecalledSets } from './recalled-sets.ts'
import type { RecalledSets } from './recalled-sets.ts'

export interface LogStoreOptions extends BrokerOptions {
  readonly dataDir: string
  readonly createEpoch: () => string
  /** Called with a value that is not as it was written, before it is removed. */
  readonly onDamage: (damage: Damage) => void
  /** Called with the name of a room whose log got another epoch, because its position was rotten. */
  readonly onNewEpoch: (room: string) => void
  /** Called when lmdb finds that the file is damaged: the store has to be opened again, which mends it. */
  readonly onBroken: (error: unknown) => void
}

export interface LogStore {
  readonly logs: Logs
  readonly announcements: Announcements
  readonly recalledSets: RecalledSets
  /**
   * Runs `work`, which must be synchronous, alone and after all earlier transactions. Resolves once it is flushed to disk.
   * An error thrown by `work` does not roll back what it wrote before.
   */
  transaction<T>(work: () => T): Promise<T>
  /** Empties expired logs, and deletes expired positions and recalled sets. */
  sweep(nowMs: number): Promise<void>
  /** Reads these values, so that those which are rotten are mended. */
  look(keys: readonly { readonly database: string; readonly key: Key }[]): void
  /** Gives checksums to what the version before this one stored. Resolves to whether all have one, which a close prevents. */
  upgrade(): Promise<boolean>
  close(): Promise<void>
}

/** Bounds a transaction, which blocks the process while it runs. */
const UPGRADED_AT_A_TIME = 1_000

interface Logs {
  /** Returns the last position of the log; undefined for a room that was never used, or whose position expired. */
  head(room: string): Position | undefined
  /** Returns the head, with a new epoch for a room that was never used. Only inside a transaction. */
  touch(room: string, nowMs: number): Position
  /** Appends an entry and returns its position. Only inside a transaction. */
  append(room: string, text: string, nowMs: number): Position
  /** Gives the log another epoch if it has this one. Only inside a transaction. */
  newEpoch(room: string, epoch: string): void
  /** Returns the names of the rooms of a group and its topics that have a head. */
  ofGroup(group: string): string[]
  /** Empties the log and gives it another epoch. Only inside a transaction. */
  end(room: string): void
  /** Returns the stored entries after this offset, oldest first. */
  after(room: string, offset: number, limit: number, nowMs: number): StoredEntry[]
  /** Returns the last stored entries before this offset, oldest first. */
  before(room: string, offset: number, limit: number, nowMs: number): StoredEntry[]
}

interface StoredEntry {
  readonly offset: number
  readonly text: string
}

/** The state of a log, as stored. */
export interface Head {
  readonly epoch: string
  readonly offset: number
  /** The oldest offset that the log may still hold. */
  readonly from: number
  readonly appendedAtMs: number
  readonly usedAtMs: number
}

/** Opens the logs, recalled sets and announcements stored in `dataDir`. Throws errors of the file system. */
export function openLogStore(options: LogStoreOptions): LogStore {
  const root = openStore(join(options.dataDir, 'broker'))
  const checked: CheckedOptions = { root, onRotten, onBroken: options.onBroken }
  const heads = new CheckedDatabase<Head, string>('heads', DATABASES.heads, checked)
  const entries = new CheckedDatabase<string, [string, number]>('entries', DATABASES.entries, checked)
  const announcements = openAnnouncements(checked)
  /** What is rotten, until it is mended. */
  const mending = new Set<string>()

  let isClosed = false
  const historyTtlMs = options.historyTtlS * 1_000
  const recalledSets = openRecalledSets(checked, {
    recalledTtlMs: (options.recalledTtlS ?? Infinity) * 1_000,
    inTransaction: async (work) => !isClosed && (await committed(root.transaction(work))),
  })

  const databases = [heads, entries, announcements.database, ...recalledSets.databases]

  function onRotten(database: string, key: Key, bytes: Buffer): void {
    const where = `${database} of the embedded broker, ${JSON.stringify(key)}`
    if (mending.has(where) || isClosed) return
    mending.add(where)
    options.onDamage({ kind: 'entry', bytes, where })
    // Not before the transaction that may be under way.
    committed(root.transaction(() => mend(database, key)))
      .catch(() => undefined)
      .finally(() => mending.delete(where))
  }

  /** Puts what is right, or least wrong, in the place of a rotten value. */
  function mend(database: string, key: Key): void {
    if (databases.find(({ name }) => name === database)?.mend(key as never)) return
    if (database === 'heads' && typeof key === 'string') {
      if (heads.get(key) === undefined) heads.putSync(key, rebuiltHead(key, Date.now()))
    } else if (database === 'entries' && typeof key !== 'string') entries.removeSync(key)
    else if (database === 'announcements' && typeof key !== 'string') announcements.database.removeSync(key)
    else recalledSets.mend(database, key)
  }

  /** Returns a head under a new epoch for a log that has lost its own. */
  function rebuiltHead(room: string, nowMs: number): Head {
    const limit = 1
    const [[, first] = [room, 1]] = entries.keys({ start: [room, 0], end: [room, Infinity], limit })
    const [[, offset] = [room, 0]] = entries.keys({
      start: [room, Infinity],
      end: [room, 0],
      reverse: true,
      limit,
    })
    options.onNewEpoch(room)
    return { epoch: options.createEpoch(), offset, from: first, appendedAtMs: nowMs, usedAtMs: nowMs }
  }

  function deleteEntries(room: string, from: number, before: number): void {
    for (let offset = from; offset < before; offset++) entries.removeSync([room, offset])
  }

  function emptyIfExpired(room: string, head: Head, nowMs: number): Head {
    if (head.from > head.offset || nowMs - head.appendedAtMs < historyTtlMs) return head
    deleteEntries(room, head.from, head.offset + 1)
    return { ...head, from: head.offset + 1 }
  }

  function headForUse(room: string, nowMs: number): Head {
    const head = heads.get(room)
    if (head === undefined && heads.has(room)) return rebuiltHead(room, nowMs)
    if (head === undefined)
      return { epoch: options.createEpoch(), offset: 0, from: 1, appendedAtMs: nowMs, usedAtMs: nowMs }
    return { ...emptyIfExpired(room, head, nowMs), usedAtMs: nowMs }
  }

  /** Returns whether the log has no entries that may still be read, swept or not. */
  function isEmpty(room: string, nowMs: number): boolean {
    const head = heads.get(room)
    return head === undefined || nowMs - head.appendedAtMs >= historyTtlMs
  }

  function sweepLogs(nowMs: number): void {
    for (const { key: room, value: head } of heads.records()) {
      const swept = emptyIfExpired(room, head, nowMs)
      const ttlS = head.offset === 0 ? UNUSED_POSITION_TTL_S : POSITION_TTL_S
      if (nowMs - head.usedAtMs >= ttlS * 1_000) heads.removeSync(room)
      else if (swept !== head) heads.putSync(room, swept)
    }
  }

  return {
    logs: {
      head(room) {
        const head = heads.get(room)
        return head && { epoch: head.epoch, offset: head.offset }
      },

      touch(room, nowMs) {
        const head = headForUse(room, nowMs)
        heads.putSync(room, head)
        return { epoch: head.epoch, offset: head.offset }
      },

      append(room, text, nowMs) {
        const head = headForUse(room, nowMs)
        const offset = head.offset + 1
        const from = Math.max(head.from, offset - options.historySize + 1)
        deleteEntries(room, head.from, from)
        entries.putSync([room, offset], text)
        heads.putSync(room, { ...head, offset, from, appendedAtMs: nowMs })
        return { epoch: head.epoch, offset }
      },

      ofGroup(group) {
        const own = roomName({ group })
        const topics = `topic:${own.slice('group:'.length)}:`
        // Names contain no character beyond ~.
        const ofTopics = heads.keys({ start: topics, end: `${topics}\x7f` })
        return !heads.has(own) ? ofTopics : [own, ...ofTopics]
      },

      end(room) {
        const head = heads.get(room)
        if (head === undefined) return
        deleteEntries(room, head.from, head.offset + 1)
        heads.putSync(room, { ...head, epoch: options.createEpoch(), from: head.offset + 1 })
      },

      newEpoch(room, epoch) {
        const head = heads.get(room)
        if (head?.epoch === epoch) heads.putSync(room, { ...head, epoch: options.createEpoch() })
      },

      after(room, offset, limit, nowMs) {
        if (isEmpty(room, nowMs)) return []
        const end: [string, number] = [room, Number.MAX_SAFE_INTEGER]
        return entries.records({ start: [room, offset + 1], end, limit }).map(toStoredEntry)
      },

      before(room, offset, limit, nowMs) {
        if (isEmpty(room, nowMs)) return []
        const range = { start: [room, offset - 1] as [string, number], end: [room, 0] as [string, number] }
        return entries
          .records({ ...range, reverse: true, limit })
          .map(toStoredEntry)
          .toReversed()
      },
    },

    announcements,

    recalledSets,

    transaction: (work) => committed(root.transaction(work)),

    async sweep(nowMs) {
      await committed(root.transaction(() => sweepLogs(nowMs)))
      await recalledSets.sweep(nowMs)
    },

    look(keys) {
      for (const { database: name, key } of keys)
        databases.find((one) => one.name === name)?.get(key as never)
    },

    async upgrade() {
      for (const database of databases) {
        let after: Key | undefined
        do {
          const from = after
          if (isClosed) return false
          after = await committed(root.transaction(() => database.upgrade(UPGRADED_AT_A_TIME, from as never)))
        } while (after !== undefined)
      }
      return true
    },

    close() {
      isClosed = true
      return root.close()
    },
  }
}

const toStoredEntry = ({
  key: [, offset],
  value,
}: {
  readonly key: [string, number]
  readonly value: string
}): StoredEntry => ({ offset, text: value })
