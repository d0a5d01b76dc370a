import { join } from 'node:path'
import { openStore } from '../../lib/data-dir.ts'
import type { Damage } from '../../lib/journal/journal.ts'
import type { BrokerOptions } from '../broker.ts'
import { openAnnouncements } from './announcements.ts'
import type { Announcements } from './announcements.ts'
import { CheckedDatabase } from './checked-database.ts'
import type { CheckedOptions } from './checked-database.ts'
import type { Key } from './checked-value.ts'
import { DATABASES } from './databases.ts'
import { createLogs } from './logs.ts'
import type { Head, Logs } from './logs.ts'
import { openRecalledSets } from './recalled-sets.ts'
import type { RecalledSets } from './recalled-sets.ts'
import { createStoreClock } from './store-clock.ts'
import type { StoreClock } from './store-clock.ts'
import { createToldNotes } from './told-notes.ts'
import { createTransactions } from './transactions.ts'

export interface LogStoreOptions extends BrokerOptions {
  readonly dataDir: string
  readonly createEpoch: () => string
  /** When something was written last, or earlier, in ms since 1970. Default: what the store says, which takes a second if it is large. */
  readonly writtenAtMs?: number | undefined
  /** Called with a value that is not as it was written, before it is removed. */
  readonly onDamage: (damage: Damage) => void
  /** Called with the name of a room whose log got another epoch, because its position was rotten. */
  readonly onNewEpoch: (room: string) => void
  /** Called when lmdb finds that the file is damaged: the store has to be opened again, which mends it. */
  readonly onBroken: (error: unknown) => void
}

export interface LogStore {
  readonly clock: StoreClock
  readonly logs: Logs
  readonly announcements: Announcements
  readonly recalledSets: RecalledSets
  /**
   * Runs `work`, which must be synchronous, alone and after all earlier transactions. Resolves once it is flushed to disk.
   * An error thrown by `work` does not roll back what it wrote before.
   */
  transaction<T>(work: () => T): Promise<T>
  /**
   * Empties expired logs, and deletes expired positions and recalled sets, by the clock of the store. Resolves to how many it kept
   * that have expired by the clock of the machine.
   */
  sweep(): Promise<number>
  /** Reads these values, so that those which are rotten are mended. */
  look(keys: readonly { readonly database: string; readonly key: Key }[]): void
  /** Gives checksums to what the version before this one stored. Resolves to whether all have one, which a close prevents. */
  upgrade(): Promise<boolean>
  close(): Promise<void>
}

/** Records that are swept, or given checksums, at a time: a transaction blocks the process while it runs. */
const MAX_AT_A_TIME = 1_000

/** Heads in memory, so that a recall reads none: at least; twice as many at most, of 0.4 kB each. */
const REMEMBERED_HEADS = 5_000

/** Opens the logs, recalled sets and announcements stored in `dataDir`. Throws errors of the file system. */
export function openLogStore(options: LogStoreOptions): LogStore {
  const root = openStore(join(options.dataDir, 'broker'))
  const checked: CheckedOptions = { root, onRotten, onBroken: options.onBroken }
  const heads = new CheckedDatabase<Head, string>('heads', DATABASES.heads, checked, REMEMBERED_HEADS)
  const entries = new CheckedDatabase<string, [string, number]>('entries', DATABASES.entries, checked)
  const announcements = openAnnouncements(checked)
  /** What is rotten, until it is mended. */
  const mending = new Set<string>()

  let isClosed = false
  const transactions = createTransactions({ root, isUsable, onRolledBack: () => heads.forget() })
  const recalledSets = openRecalledSets(checked, {
    recalledTtlMs: (options.recalledTtlS ?? Infinity) * 1_000,
    inTransaction: async (work) => !isClosed && (await transactions.run(work)),
    isClosed: () => isClosed,
  })

  const clock = createStoreClock(options.writtenAtMs ?? newestWriteMs())
  const { logs, mendHead, sweepSome } = createLogs(
    { heads, entries, told: createToldNotes(announcements) },
    { ...options, clock, historyTtlMs: options.historyTtlS * 1_000 },
  )
  const databases = [heads, entries, announcements.database, ...recalledSets.databases]

  /** Returns the time of the newest write, in ms since 1970; undefined if nothing was written. */
  function newestWriteMs(): number | undefined {
    try {
      const all = [...heads.records().map(({ value }) => value.usedAtMs), ...recalledSets.writtenAtMs()]
      return all.length === 0 ? undefined : all.reduce((one, other) => Math.max(one, other))
    } catch (error) {
      void root.close()
      throw error
    }
  }

  /** Looks for any key: what is broken is opened again. */
  function isUsable(): boolean {
    try {
      heads.has('group:')
      return true
    } catch {
      return false
    }
  }

  function onRotten(database: string, key: Key, bytes: Buffer): void {
    const where = `${database} of the embedded broker, ${JSON.stringify(key)}`
    if (mending.has(where) || isClosed) return
    mending.add(where)
    options.onDamage({ kind: 'entry', bytes, where })
    // Not before the transaction that may be under way.
    transactions
      .run(() => mend(database, key))
      .catch(() => undefined)
      .finally(() => mending.delete(where))
  }

  /** Puts what is right, or least wrong, in the place of a rotten value. */
  function mend(database: string, key: Key): void {
    if (databases.find(({ name }) => name === database)?.mend(key as never)) return
    if (database === 'heads' && typeof key === 'string') mendHead(key)
    else if (database === 'entries') entries.removeSync(key as [string, number])
    else if (database === 'announcements') announcements.database.removeSync(key as [string, number])
    else recalledSets.mend(database, key, clock.stampMs())
  }

  return {
    clock,

    logs,

    announcements,

    recalledSets,

    transaction: transactions.run,

    async sweep() {
      let held = 0
      let after: string | undefined
      do {
        const from = after
        if (isClosed) return held
        const swept = await transactions.run(() => sweepSome(MAX_AT_A_TIME, from))
        held += swept.held
        after = swept.last
      } while (after !== undefined)
      return held + (await recalledSets.sweep(clock))
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
          after = await transactions.run(() => database.upgrade(MAX_AT_A_TIME, from as never))
        } while (after !== undefined)
      }
      return true
    },

    close() {
      isClosed = true
      return transactions.close()
    },
  }
}
