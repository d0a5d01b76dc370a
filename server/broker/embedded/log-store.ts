import { join } from 'node:path'
import type { Position } from '../../../shared/position.ts'
import type { Conversation } from '../../../shared/recall.ts'
import { openStore, committed } from '../../lib/data-dir.ts'
import { roomName } from '../../../shared/room.ts'
import { MAX_ANNOUNCEMENTS, ANNOUNCEMENTS_TTL_S } from '../broker.ts'
import { POSITION_TTL_S, UNUSED_POSITION_TTL_S } from '../broker.ts'
import type { AnnouncementSubject, BrokerOptions } from '../broker.ts'

interface LogStoreOptions extends BrokerOptions {
  readonly dataDir: string
  readonly newEpoch: () => string
}

/** Where a log stands, and since when nobody has used it. */
interface Head {
  readonly epoch: string
  readonly offset: number
  /** The oldest offset that the log may still hold. */
  readonly from: number
  readonly appendedAtMs: number
  readonly usedAtMs: number
}

interface Logs {
  /** Undefined for a room never used, or forgotten. */
  top(room: string): Position | undefined
  /** The top, with an epoch for a room never used. Inside a transaction only. */
  touch(room: string, nowMs: number): Position
  /** Adds an entry and answers its position. Inside a transaction only. */
  append(room: string, text: string, nowMs: number): Position
  /** Another epoch for a log that has this one. Inside a transaction only. */
  renew(room: string, epoch: string): void
  /** The entries after this offset that are kept still, oldest first. */
  read(
    room: string,
    after: number,
    limit: number,
    nowMs: number,
  ): { readonly offset: number; readonly text: string }[]
  /** The entries before this offset that are kept still, nearest to it, oldest first. */
  readBack(
    room: string,
    before: number,
    limit: number,
    nowMs: number,
  ): { readonly offset: number; readonly text: string }[]
}

interface RecalledSet {
  get(conversation: Conversation, seq: number): number | undefined
  /** Inside a transaction only. */
  put(conversation: Conversation, seqs: readonly number[], atMs: number, nowMs: number): void
}

interface Announced {
  readonly text: string
  readonly atMs: number
}

interface Announcements {
  /** Inside a transaction only. */
  add(subject: AnnouncementSubject, announced: Announced): void
  /** Those of the last day, oldest first. */
  latest(subject: AnnouncementSubject, nowMs: number): Announced[]
}

export interface LogStore {
  readonly logs: Logs
  readonly announcements: Announcements
  readonly recalledSet: RecalledSet
  /**
   * Runs `work`, which must not wait, after all earlier ones and alone; resolves once it is flushed to disk. An error
   * thrown by `work` does not take back what it wrote before.
   */
  transaction<T>(work: () => T): Promise<T>
  /** Empties logs, and forgets positions and recalled sets, whose time is over. */
  sweep(nowMs: number): Promise<void>
  close(): Promise<void>
}

/** A transaction blocks the process for as long as it runs. */
const FORGOTTEN_PER_TRANSACTION = 2_000

/** Opens the logs and recalled sets kept in `dataDir`. Throws what the file system throws. */
export function openLogStore(options: LogStoreOptions): LogStore {
  const root = openStore(join(options.dataDir, 'broker'))
  const heads = root.openDB<Head, string>('heads', { encoding: 'json' })
  const entries = root.openDB<string, [string, number]>('entries', { encoding: 'string' })
  const recalled = root.openDB<number, [string, number]>('recalled', { encoding: 'json' })

  const announced = root.openDB<Announced, [string, number]>('announcements', { encoding: 'json' })
  // When each conversation had its last recall.
  const recalledSets = root.openDB<number, string>('recalled-sets', { encoding: 'json' })

  let closed = false
  const ttlMs = options.historyTtlS * 1_000
  const recalledTtlMs = (options.recalledTtlS ?? Infinity) * 1_000

  function drop(room: string, from: number, before: number): void {
    for (let offset = from; offset < before; offset++) entries.removeSync([room, offset])
  }

  function expire(room: string, head: Head, nowMs: number): Head {
    if (head.from > head.offset || nowMs - head.appendedAtMs < ttlMs) return head
    drop(room, head.from, head.offset + 1)
    return { ...head, from: head.offset + 1 }
  }

  function use(room: string, nowMs: number): Head {
    const head = heads.get(room)
    if (head === undefined)
      return { epoch: options.newEpoch(), offset: 0, from: 1, appendedAtMs: nowMs, usedAtMs: nowMs }
    return { ...expire(room, head, nowMs), usedAtMs: nowMs }
  }

  function sweepLogs(nowMs: number): void {
    for (const { key: room, value: head } of Array.from(heads.getRange({}))) {
      const emptied = expire(room, head, nowMs)
      if (nowMs - head.usedAtMs >= (head.offset === 0 ? UNUSED_POSITION_TTL_S : POSITION_TTL_S) * 1_000)
        heads.removeSync(room)
      else if (emptied !== head) heads.putSync(room, emptied)
    }
  }

  const isOver = (lastRecallAtMs: number, nowMs: number): boolean => nowMs - lastRecallAtMs >= recalledTtlMs

  /** Forgets some of what is recalled in a conversation, if its time is over; answers whether that leaves more of it. */
  function forgetSome(conversation: string, nowMs: number): boolean {
    if (closed || !isOver(recalledSets.get(conversation) ?? nowMs, nowMs)) return false
    const range = {
      start: [conversation, 0],
      end: [conversation, Infinity],
      limit: FORGOTTEN_PER_TRANSACTION,
    }
    const keys = Array.from(recalled.getKeys(range))
    for (const key of keys) recalled.removeSync(key)
    const isAll = keys.length < FORGOTTEN_PER_TRANSACTION
    if (isAll) recalledSets.removeSync(conversation)
    return !isAll
  }

  return {
    logs: {
      top(room) {
        const head = heads.get(room)
        return head && { epoch: head.epoch, offset: head.offset }
      },

      touch(room, nowMs) {
        const head = use(room, nowMs)
        heads.putSync(room, head)
        return { epoch: head.epoch, offset: head.offset }
      },

      append(room, text, nowMs) {
        const head = use(room, nowMs)
        const offset = head.offset + 1
        const from = Math.max(head.from, offset - options.historySize + 1)
        drop(room, head.from, from)
        entries.putSync([room, offset], text)
        heads.putSync(room, { ...head, offset, from, appendedAtMs: nowMs })
        return { epoch: head.epoch, offset }
      },

      renew(room, epoch) {
        const head = heads.get(room)
        if (head?.epoch === epoch) heads.putSync(room, { ...head, epoch: options.newEpoch() })
      },

      read(room, after, limit, nowMs) {
        const head = heads.get(room)
        if (head === undefined || nowMs - head.appendedAtMs >= ttlMs) return []
        const range = entries.getRange({
          start: [room, after + 1],
          end: [room, Number.MAX_SAFE_INTEGER],
          limit,
        })
        return [...range].map(({ key, value }) => ({ offset: key[1], text: value }))
      },

      readBack(room, before, limit, nowMs) {
        const head = heads.get(room)
        if (head === undefined || nowMs - head.appendedAtMs >= ttlMs) return []
        const range = entries.getRange({ start: [room, before - 1], end: [room, 0], reverse: true, limit })
        return [...range].map(({ key, value }) => ({ offset: key[1], text: value })).toReversed()
      },
    },

    announcements: {
      add(subject, one) {
        const range = {
          start: [subject, Number.MAX_SAFE_INTEGER],
          end: [subject, 0],
          reverse: true,
          limit: 1,
        }
        const [[, last] = [subject, 0]] = announced.getKeys(range)
        announced.putSync([subject, last + 1], one)
        announced.removeSync([subject, last + 1 - MAX_ANNOUNCEMENTS])
      },
      latest: (subject, nowMs) =>
        [...announced.getRange({ start: [subject, 0], end: [subject, Number.MAX_SAFE_INTEGER] })]
          .map(({ value }) => value)
          .filter(({ atMs }) => nowMs - atMs < ANNOUNCEMENTS_TTL_S * 1_000),
    },

    recalledSet: {
      get: (conversation, seq) => recalled.get([roomName(conversation), seq]),
      put(conversation, seqs, atMs, nowMs) {
        const name = roomName(conversation)
        for (const seq of seqs) recalled.putSync([name, seq], atMs)
        recalledSets.putSync(name, nowMs)
      },
    },

    transaction: (work) => committed(root.transaction(work)),

    async sweep(nowMs) {
      await committed(root.transaction(() => sweepLogs(nowMs)))
      for (const { key, value } of Array.from(recalledSets.getRange({}))) {
        if (!isOver(value, nowMs)) continue
        while (!closed && (await committed(root.transaction(() => forgetSome(key, nowMs)))));
      }
    },

    close() {
      closed = true
      return root.close()
    },
  }
}
