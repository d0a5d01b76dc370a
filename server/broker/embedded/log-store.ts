import { join } from 'node:path'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import { committed, openStore } from '../../lib/data-dir.ts'
import { ANNOUNCEMENTS_TTL_S, MAX_ANNOUNCEMENTS, POSITION_TTL_S, UNUSED_POSITION_TTL_S } from '../broker.ts'
import type { AnnouncementSubject, BrokerOptions } from '../broker.ts'
import { openRecalledSets } from './recalled-sets.ts'
import type { RecalledSets } from './recalled-sets.ts'

interface LogStoreOptions extends BrokerOptions {
  readonly dataDir: string
  readonly createEpoch: () => string
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
  close(): Promise<void>
}

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

interface Announcements {
  /** Only inside a transaction. */
  add(subject: AnnouncementSubject, announcement: Announcement): void
  /** Returns those that have not expired, oldest first. */
  current(subject: AnnouncementSubject, nowMs: number): Announcement[]
}

interface Announcement {
  readonly text: string
  readonly atMs: number
}

/** The state of a log, as stored. */
interface Head {
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
  const heads = root.openDB<Head, string>('heads', { encoding: 'json' })
  const entries = root.openDB<string, [string, number]>('entries', { encoding: 'string' })
  const announcements = root.openDB<Announcement, [string, number]>('announcements', { encoding: 'json' })

  let isClosed = false
  const historyTtlMs = options.historyTtlS * 1_000
  const recalledSets = openRecalledSets(root, {
    recalledTtlMs: (options.recalledTtlS ?? Infinity) * 1_000,
    inTransaction: async (work) => !isClosed && (await committed(root.transaction(work))),
  })

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
    for (const { key: room, value: head } of Array.from(heads.getRange({}))) {
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
        const ofTopics = Array.from(heads.getKeys({ start: topics, end: `${topics}\x7f` }))
        return heads.get(own) === undefined ? ofTopics : [own, ...ofTopics]
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
        const range = { start: [room, offset + 1], end: [room, Number.MAX_SAFE_INTEGER], limit }
        return [...entries.getRange(range)].map(toStoredEntry)
      },

      before(room, offset, limit, nowMs) {
        if (isEmpty(room, nowMs)) return []
        const range = { start: [room, offset - 1], end: [room, 0], reverse: true, limit }
        return [...entries.getRange(range)].map(toStoredEntry).toReversed()
      },
    },

    announcements: {
      add(subject, announcement) {
        const range = {
          start: [subject, Number.MAX_SAFE_INTEGER],
          end: [subject, 0],
          reverse: true,
          limit: 1,
        }
        const [[, last] = [subject, 0]] = announcements.getKeys(range)
        announcements.putSync([subject, last + 1], announcement)
        announcements.removeSync([subject, last + 1 - MAX_ANNOUNCEMENTS])
      },

      current: (subject, nowMs) =>
        [...announcements.getRange({ start: [subject, 0], end: [subject, Number.MAX_SAFE_INTEGER] })]
          .map(({ value }) => value)
          .filter(({ atMs }) => nowMs - atMs < ANNOUNCEMENTS_TTL_S * 1_000),
    },

    recalledSets,

    transaction: (work) => committed(root.transaction(work)),

    async sweep(nowMs) {
      await committed(root.transaction(() => sweepLogs(nowMs)))
      await recalledSets.sweep(nowMs)
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
