import { setImmediate as turn } from 'node:timers/promises'
import type { Conversation } from '../../../shared/conversation.ts'
import type { MessageName } from '../../../shared/message.ts'
import { roomName } from '../../../shared/room.ts'
import { createLimiter } from '../../lib/flow-control.ts'
import { GROUP_END_TTL_S } from '../retention.ts'
import { CheckedDatabase } from './checked-database.ts'
import type { CheckedOptions } from './checked-database.ts'
import { BEYOND_PARTS } from './checked-value.ts'
import type { Key, NamedKey } from './checked-value.ts'
import { DATABASES } from './databases.ts'
import { roomsOfGroup } from './rooms-of-group.ts'
import type { StoreClock } from './store-clock.ts'

/** The recalled sets of all conversations, and when groups ended. */
export interface RecalledSets {
  /** Returns the time of the message's last recall, in ms since 1970, also one from before the end of its group. */
  get(conversation: Conversation, name: MessageName): number | undefined
  /** Returns when the group was last dismissed, in ms since 1970. Undefined for what is no group. */
  endOf(conversation: Conversation): number | undefined
  /** Only inside a transaction. */
  put(conversation: Conversation, names: readonly MessageName[], atMs: number, nowMs: number): void
  /** Records the end of a group. What is dropped with it is dropped by `drop`. Only inside a transaction. */
  end(group: string, atMs: number, nowMs: number): void
  /** Drops what was recalled until the end of the group, unless that is done. Rejects with an error of the file system. */
  drop(group: string): Promise<void>
  /**
   * Drops expired sets, and ends that nothing can depend on any more, by the clock of the store. Resolves to how many it kept that
   * have expired by the clock of the machine.
   */
  sweep(clock: StoreClock): Promise<number>
  /** Puts what is least wrong in the place of a rotten value. Only inside a transaction. */
  mend(database: string, key: Key, nowMs: number): void
  /** Returns the times of the newest writes to each set and end, in ms since 1970. */
  writtenAtMs(): number[]
  readonly databases: readonly CheckedDatabase<never, never>[]
}

interface RecalledSetsOptions {
  readonly recalledTtlMs: number
  /** Runs `work` in a transaction of its own; returns false instead once the store is closed. */
  readonly inTransaction: (work: () => boolean) => Promise<boolean>
  readonly isClosed: () => boolean
}

export interface End {
  readonly atMs: number
  /** When it was stored. */
  readonly storedAtMs: number
  /** Whether everything recalled until then has been dropped. */
  readonly isDropped: boolean
}

/** Bounds a transaction, which blocks the process while it runs. */
const MAX_KEYS_PER_TRANSACTION = 2_000
/** Sets, or ends, that are swept concurrently: few enough that large ones do not block the process for long. */
const MAX_SWEPT_TOGETHER = 20

export function openRecalledSets(
  checked: CheckedOptions,
  { recalledTtlMs, inTransaction, isClosed }: RecalledSetsOptions,
): RecalledSets {
  const recalled = new CheckedDatabase<number, NamedKey>('recalled', DATABASES.recalled, checked)
  // The time of each conversation's last recall.
  const sets = new CheckedDatabase<number, string>('recalled-sets', DATABASES['recalled-sets'], checked)
  const ends = new CheckedDatabase<End, string>('group-ends', DATABASES['group-ends'], checked)

  /**
   * Returns when a message was recalled. If that is rotten, the message was recalled all the same: then the time of the
   * conversation's last recall, so that it is told to nobody again.
   */
  function timeOf(key: NamedKey): number | undefined {
    const atMs = recalled.get(key)
    return atMs === undefined && recalled.has(key) ? (sets.get(key[0]) ?? Date.now()) : atMs
  }

  const isExpired = (lastRecallAtMs: number, nowMs: number): boolean =>
    nowMs - lastRecallAtMs >= recalledTtlMs

  /** Returns the next keys of a set from this message on. Numbers come before texts. */
  const keysFrom = (set: string, name: MessageName): NamedKey[] =>
    recalled.keys({ start: [set, name], end: [set, BEYOND_PARTS], limit: MAX_KEYS_PER_TRANSACTION })

  /** Deletes a part of the set if it has expired. Returns whether more of it is left. */
  function deleteSome(set: string, nowMs: number): boolean {
    if (!isExpired(sets.get(set) ?? nowMs, nowMs)) return false
    const keys = keysFrom(set, 0)
    for (const key of keys) recalled.removeSync(key)
    const isAll = keys.length < MAX_KEYS_PER_TRANSACTION
    if (isAll) sets.removeSync(set)
    return !isAll
  }

  /** Drops what was recalled in this set until then, a part at a time. */
  async function dropUntil(set: string, atMs: number): Promise<void> {
    let from: MessageName = 0
    let isEmpty = true
    const dropSome = (): boolean => {
      const keys = keysFrom(set, from)
      for (const key of keys) {
        if ((timeOf(key) ?? Infinity) <= atMs) recalled.removeSync(key)
        else isEmpty = false
      }
      from = nameAfter(keys.at(-1)?.[1] ?? from)
      const isAll = keys.length < MAX_KEYS_PER_TRANSACTION
      // Looked up again: a recall may have come between two parts.
      if (isAll && isEmpty && keysFrom(set, 0).length === 0) sets.removeSync(set)
      return !isAll
    }
    while (await inTransaction(dropSome));
  }

  /** Calls `work` with all records of a database, some in each turn of the event loop, until the store is closed. */
  async function each<V>(
    database: CheckedDatabase<V, string>,
    work: (record: { readonly key: string; readonly value: V }) => Promise<void>,
  ): Promise<void> {
    // Those that run together share a flush to disk.
    const limit = createLimiter(MAX_SWEPT_TOGETHER)
    let after: string | undefined
    while (!isClosed()) {
      const { records, last } = database.page(MAX_KEYS_PER_TRANSACTION, after)
      await Promise.all(records.map((record) => limit(() => work(record))))
      if (last === undefined) return
      after = last
      await turn()
    }
  }

  const recalledSets: RecalledSets = {
    get: (conversation, name) => timeOf([roomName(conversation), name]),

    endOf: ({ group }) => (group === undefined ? undefined : ends.get(group)?.atMs),

    put(conversation, names, atMs, nowMs) {
      const set = roomName(conversation)
      for (const name of names) recalled.putSync([set, name], atMs)
      sets.putSync(set, nowMs)
    },

    end(group, atMs, nowMs) {
      ends.putSync(group, { atMs, storedAtMs: nowMs, isDropped: false })
    },

    async drop(group) {
      const end = ends.get(group)
      if (end === undefined || end.isDropped) return
      for (const set of roomsOfGroup(sets, group)) await dropUntil(set, end.atMs)
      await inTransaction(() => {
        if (ends.get(group)?.atMs === end.atMs) ends.putSync(group, { ...end, isDropped: true })
        return false
      })
    },

    async sweep(clock) {
      const [nowMs, clockMs] = [clock.expiryMs(), Date.now()]
      let held = 0
      await each(sets, async ({ key, value }) => {
        if (isExpired(value, nowMs)) while (await inTransaction(() => deleteSome(key, nowMs)));
        else if (isExpired(value, clockMs)) held++
      })
      const ttlMs = Math.min(GROUP_END_TTL_S * 1_000, recalledTtlMs)
      await each(ends, async ({ key: group, value: end }) => {
        await recalledSets.drop(group)
        if (roomsOfGroup(sets, group).length > 0) return
        if (nowMs - end.storedAtMs < ttlMs) {
          if (clockMs - end.storedAtMs >= ttlMs) held++
          return
        }
        await inTransaction(() => {
          ends.removeSync(group)
          return false
        })
      })
      return held
    },

    mend(database, key, nowMs) {
      if (database === 'recalled-sets' && typeof key === 'string') sets.putSync(key, nowMs)
      if (database === 'group-ends' && typeof key === 'string') ends.removeSync(key)
      if (database !== 'recalled' || typeof key === 'string') return
      const atMs = timeOf(key)
      if (atMs !== undefined) recalled.putSync(key, atMs)
    },

    writtenAtMs: () => [
      ...sets.records().map(({ value }) => value),
      ...ends.records().map(({ value: { storedAtMs } }) => storedAtMs),
    ],

    databases: [recalled, sets, ends] as unknown as readonly CheckedDatabase<never, never>[],
  }
  return recalledSets
}

/** Returns what comes next, or right before it. */
const nameAfter = (name: MessageName): MessageName => (typeof name === 'number' ? name + 1 : `${name} `)
