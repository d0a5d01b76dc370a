import type { Position } from '../../../shared/position.ts'
import { beginning, digestOf, linkOf } from '../chain.ts'
import type { Told } from '../told.ts'
import { POSITION_TTL_S, UNUSED_POSITION_TTL_S } from '../retention.ts'
import type { CheckedDatabase } from './checked-database.ts'
import { withLink } from './linked-text.ts'
import { roomsOfGroup } from './rooms-of-group.ts'
import type { StoreClock } from './store-clock.ts'
import type { ToldNotes } from './told-notes.ts'

export interface Logs {
  /** Returns the last position of the log; undefined for a room that was never used, or whose position expired. */
  head(room: string): Position | undefined
  /** Whether there is a position, rotten or not. */
  has(room: string): boolean
  /** Returns the head, with a new epoch for a room that was never used. Only inside a transaction. */
  touch(room: string): Position
  /**
   * Appends an entry, linked to the one before it, and returns its position. `known`: its digest, and the time to keep it with. Only inside
   * a transaction.
   */
  append(room: string, text: string, known?: { readonly digest: string; readonly atMs: number }): Position
  /** Gives the log another epoch if it has this one. Only inside a transaction. */
  newEpoch(room: string, epoch: string): void
  /** Returns the names of the rooms of a group and its topics that have a head. */
  ofGroup(group: string): string[]
  /** Empties the log and gives it another epoch. Only inside a transaction. */
  end(room: string): void
  /** Returns the stored entries after this offset, oldest first. */
  after(room: string, offset: number, limit: number): StoredEntry[]
  /** Notes when an entry was told; see `Broker.noteTold`. Only inside a transaction. */
  noteTold(room: string, offset: number, note: Told): void
  /** Returns, by offset, when entries were first told. */
  told(room: string, first: number, last: number): ReadonlyMap<number, Told>
  /** Returns the last stored entries before this offset, oldest first. */
  before(room: string, offset: number, limit: number): StoredEntry[]
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
  /** The link of the last entry; only for the position that it names, `<epoch>:<offset>:<link>`. */
  readonly chain?: string
}

interface LogsOptions {
  /** Maximum length of a log, in notices. */
  readonly historySize: number
  readonly historyTtlMs: number
  readonly createEpoch: () => string
  readonly clock: StoreClock
  /** Called with the name of a room whose log got another epoch, because its position was rotten. */
  readonly onNewEpoch: (room: string) => void
}

interface LogsDatabases {
  readonly heads: CheckedDatabase<Head, string>
  readonly entries: CheckedDatabase<string, [string, number]>
  readonly told: ToldNotes
}

/** The logs of all rooms in a store. */
export function createLogs({ heads, entries, told }: LogsDatabases, options: LogsOptions) {
  const { historyTtlMs, clock } = options

  /** Returns a head under a new epoch for a log that has lost its own. */
  function rebuiltHead(room: string): Head {
    const nowMs = clock.stampMs()
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
    for (let offset = from; offset < before; offset++) {
      entries.removeSync([room, offset])
      told.remove(room, offset)
    }
  }

  /** Returns whether the log holds entries, all of which have expired. */
  const isExpired = (head: Head, nowMs: number): boolean =>
    head.from <= head.offset && nowMs - head.appendedAtMs >= historyTtlMs

  function emptyIfExpired(room: string, head: Head): Head {
    if (!isExpired(head, clock.expiryMs())) return head
    deleteEntries(room, head.from, head.offset + 1)
    return { ...head, from: head.offset + 1 }
  }

  /** Only inside a transaction. */
  function headForUse(room: string, nowMs = clock.stampMs()): Head {
    const head = heads.latest(room)
    if (head === undefined && heads.has(room)) return rebuiltHead(room)
    if (head === undefined)
      return { epoch: options.createEpoch(), offset: 0, from: 1, appendedAtMs: nowMs, usedAtMs: nowMs }
    return { ...emptyIfExpired(room, head), usedAtMs: nowMs }
  }

  /** Returns whether the log has no entries that may still be read, swept or not. */
  function isEmpty(room: string): boolean {
    const head = heads.get(room)
    return head === undefined || clock.expiryMs() - head.appendedAtMs >= historyTtlMs
  }

  const isUnused = (head: Head, nowMs: number): boolean =>
    nowMs - head.usedAtMs >= (head.offset === 0 ? UNUSED_POSITION_TTL_S : POSITION_TTL_S) * 1_000

  function sweepSome(limit: number, after: string | undefined) {
    const [expiryMs, clockMs] = [clock.expiryMs(), Date.now()]
    const { records, last } = heads.page(limit, after)
    let held = 0
    for (const { key: room, value: head } of records) {
      const swept = emptyIfExpired(room, head)
      told.removeBefore(room, swept.from)
      if (isUnused(head, expiryMs)) heads.removeSync(room)
      else if (swept !== head) heads.putSync(room, swept)
      else if (isExpired(head, clockMs) || isUnused(head, clockMs)) held++
    }
    return { held, last }
  }

  const logs: Logs = {
    head(room) {
      const head = heads.get(room)
      return head && { epoch: head.epoch, offset: head.offset }
    },

    has: (room) => heads.has(room),

    touch(room) {
      const head = headForUse(room)
      heads.putSync(room, head)
      return { epoch: head.epoch, offset: head.offset }
    },

    append(room, text, { digest, atMs } = { digest: digestOf(text), atMs: clock.stampMs() }) {
      const head = headForUse(room, atMs)
      const { epoch } = head
      const offset = head.offset + 1
      const from = Math.max(head.from, offset - options.historySize + 1)
      const keptAtMs = atMs
      const previous = lastLink(head)
      const link = linkOf(previous ?? beginning(epoch), { offset, keptAtMs, subset: '', digest })
      deleteEntries(room, head.from, from)
      entries.putSync(
        [room, offset],
        withLink(text, { link, keptAtMs, ...(previous === undefined && { epoch }) }),
      )
      const chain = `${epoch}:${offset}:${link}`
      heads.putSync(room, { ...head, offset, from, appendedAtMs: keptAtMs, chain })
      return { epoch, offset }
    },

    ofGroup: (group) => roomsOfGroup(heads, group),

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

    after(room, offset, limit) {
      if (isEmpty(room)) return []
      const end: [string, number] = [room, Number.MAX_SAFE_INTEGER]
      const found: StoredEntry[] = []
      let after = offset
      // Some may be rotten, and so many of them must not look like the end of the log.
      for (;;) {
        const { records, last } = entries.page(limit - found.length, [room, after], end)
        found.push(...records.map(toStoredEntry))
        if (last === undefined || found.length >= limit) return found
        after = last[1]
      }
    },

    noteTold(room, offset, note) {
      const head = heads.latest(room)
      if (head === undefined || offset < head.from || offset > head.offset) return
      told.put(room, offset, note)
    },

    told: told.from,

    before(room, offset, limit) {
      if (isEmpty(room)) return []
      const range = { start: [room, offset - 1] as [string, number], end: [room, 0] as [string, number] }
      return entries
        .records({ ...range, reverse: true, limit })
        .map(toStoredEntry)
        .toReversed()
    },
  }

  return {
    logs,
    /** Mends a rotten position: the log gets another epoch. Only inside a transaction. */
    mendHead(room: string): void {
      if (heads.get(room) === undefined) heads.putSync(room, rebuiltHead(room))
    },
    /**
     * Empties expired logs, and deletes expired positions, of the next rooms after this one. Returns how many it kept that have expired
     * by the clock of the machine, and the last room that it looked at; undefined at the end. Only inside a transaction.
     */
    sweepSome,
  }
}

/**
 * Returns the link of the last entry. None if it was stored by the last release, which leaves `chain` as it was, or if the log has
 * had another epoch since: a new chain begins.
 */
function lastLink({ epoch, offset, chain }: Head): string | undefined {
  const at = `${epoch}:${offset}:`
  return chain?.startsWith(at) ? chain.slice(at.length) : undefined
}

const toStoredEntry = ({
  key: [, offset],
  value,
}: {
  readonly key: [string, number]
  readonly value: string
}): StoredEntry => ({ offset, text: value })
