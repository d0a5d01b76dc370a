import type { StoredRecord, RecordName, RecordsPage, RecordsRead } from '../records.ts'
import { checkRecordId, hasExpired, RECORD_LIMITS } from '../records.ts'
import type { Announcements } from './announcements.ts'

/** Expired ones that each new record removes, at most: there are seldom more. */
const MAX_REMOVED = 10

/**
 * Records are in the database of announcements, under names that none of its subjects has: a version that does not know a database takes the
 * whole store for damaged.
 */
const keyOf = (name: RecordName): string => `records:${name}`

/** Stores a record. `nowMs`: the time by which to delete. Only inside a transaction. */
export function addRecord(
  { database }: Announcements,
  name: RecordName,
  record: Pick<StoredRecord, 'text' | 'atMs'>,
  nowMs: number,
): void {
  const of = keyOf(name)
  const [[, last] = [of, 0]] = database.keys({ start: [of, END], end: [of, 0], reverse: true, limit: 1 })
  database.putSync([of, last + 1], record)
  database.removeSync([of, last + 1 - RECORD_LIMITS[name].count])
  const oldest = database.records({ start: [of, 0], end: [of, last + 1], limit: MAX_REMOVED })
  for (const { key, value } of oldest) if (hasExpired(name, value, nowMs)) database.removeSync(key)
}

/** Returns the records of a name that have not expired, newest first. Rotten ones are counted. */
export function readRecords(
  { database }: Announcements,
  name: RecordName,
  { before, limit }: RecordsPage,
  nowMs: number,
): RecordsRead {
  if (before !== undefined) checkRecordId(before)
  const of = keyOf(name)
  const records: StoredRecord[] = []
  let unreadable = 0
  let start = before === undefined ? END : Number(before.split('-')[0]) - 1
  // More only if some are rotten or have expired, which a caller must not take for the end.
  for (;;) {
    const keys = database.keys({ start: [of, start], end: [of, 0], reverse: true, limit })
    for (const key of keys) {
      const value = database.get(key)
      if (value === undefined) unreadable++
      // A clock that was wrong once makes a record look old among others that are not.
      else if (!hasExpired(name, value, nowMs)) records.push({ id: `${key[1]}`, ...value })
      if (records.length === limit) return { records, unreadable }
    }
    if (keys.length < limit) return { records, unreadable }
    start = (keys.at(-1)?.[1] ?? 0) - 1
  }
}

const END = Number.MAX_SAFE_INTEGER
