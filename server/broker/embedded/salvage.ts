import { roomName } from '../../../shared/room.ts'
import { committed, decodeKey, openStore } from '../../lib/data-dir.ts'
import type { Disk } from '../../lib/disk.ts'
import type { Damage } from '../../lib/journal/journal.ts'
import { LmdbPages } from '../../lib/lmdb-file/pages.ts'
import { leafRecords } from '../../lib/lmdb-file/salvage.ts'
import { decodeEntry } from '../history.ts'
import { isBefore } from '../repeats.ts'
import { CheckedDatabase } from './checked-database.ts'
import type { CheckedOptions } from './checked-database.ts'
import { asKey, BEYOND_PARTS, decodeValue, hasTrailer, mendRecord } from './checked-value.ts'
import type { Key, NamedKey } from './checked-value.ts'
import { DATABASES } from './databases.ts'
import type { DatabaseName } from './databases.ts'
import type { Head } from './logs.ts'
import type { End } from './recalled-sets.ts'

/** Bounds a transaction, and what waits in memory for it. */
const RECORDS_PER_TRANSACTION = 2_000
const ITEMS_PER_TRANSACTION = 100
const CHUNK_BYTES = 2 ** 20
/** Rotten values that go to the quarantine; the damaged file, which is kept, has them all. */
const MAX_REPORTED = 100

interface SalvageOptions {
  readonly disk: Disk
  readonly from: string
  /** The file to create. */
  readonly to: string
  readonly createEpoch: () => string
  readonly onDamage: (damage: Damage) => void
}

interface Found {
  readonly database: DatabaseName
  readonly key: Key
  readonly value: unknown
}

/**
 * Creates a store from all records that a damaged file still holds on any page, also older ones that were replaced or removed:
 * of two, the one counts that says more. Logs continue under new epochs, because entries may be missing. Resolves to the number
 * of records.
 */
export async function salvage({ disk, from, to, createEpoch, onDamage }: SalvageOptions): Promise<number> {
  const root = openStore(to)
  const ignore = (): void => undefined
  const checked: CheckedOptions = { root, onRotten: ignore, onBroken: ignore }
  const open = <V, K extends Key>(name: DatabaseName) =>
    new CheckedDatabase<V, K>(name, DATABASES[name], checked)
  const heads = open<Head, string>('heads')
  const entries = open<string, [string, number]>('entries')
  const ends = open<End, string>('group-ends')
  const recalled = open<number, NamedKey>('recalled')
  const sets = open<number, string>('recalled-sets')
  const databases: Readonly<Record<DatabaseName, CheckedDatabase<unknown, Key>>> = {
    heads: heads as CheckedDatabase<unknown, Key>,
    entries: entries as CheckedDatabase<unknown, Key>,
    announcements: open('announcements'),
    recalled: recalled as CheckedDatabase<unknown, Key>,
    'recalled-sets': sets as CheckedDatabase<unknown, Key>,
    'group-ends': ends as CheckedDatabase<unknown, Key>,
  }
  const inTransaction = (work: () => void): Promise<void> => committed(root.transaction(work))

  function put({ database, key, value }: Found): void {
    const known = databases[database].get(key)
    if (known === undefined || saysMore(database, value, known)) databases[database].putSync(key, value)
  }

  /** Gives each log another epoch, and empties it of what was trimmed, or ended with its group. */
  function renewLog(room: string, head: Head, endedAtMs: number | undefined): void {
    const first: [string, number] = [room, 0]
    const last: [string, number] = [room, Number.MAX_SAFE_INTEGER]
    const [newest] = entries.keys({ start: last, end: first, reverse: true, limit: 1 })
    for (const { key, value } of entries.records({ start: first, end: last })) {
      const notice = decodeEntry(value, key[1])
      if (key[1] < head.from || notice === null || isBefore(notice.recalledAtMs, endedAtMs))
        entries.removeSync(key)
    }
    heads.putSync(room, { ...head, epoch: createEpoch(), offset: Math.max(head.offset, newest?.[1] ?? 0) })
  }

  let count = 0
  try {
    let batch: Found[] = []
    const flush = async (): Promise<void> => {
      const records = batch
      batch = []
      await inTransaction(() => records.forEach(put))
    }
    for (const found of findRecords(disk, from, onDamage)) {
      count++
      if (batch.push(found) >= RECORDS_PER_TRANSACTION) await flush()
    }
    await flush()
    // What ended with them may have come back.
    await inParts(ends.records(), inTransaction, ({ key, value }) =>
      ends.putSync(key, { ...value, isDropped: false }),
    )
    const endedAtMs = new Map(
      ends.records().map(({ key: group, value }) => [roomName({ group }).slice('group:'.length), value.atMs]),
    )
    await inParts(heads.records(), inTransaction, ({ key: room, value: head }) =>
      renewLog(room, head, endedAtMs.get(/^(?:group|topic):([^:]*)/.exec(room)?.[1] ?? '')),
    )
    // Without its head nobody knows which of the entries were trimmed: the next position starts an empty log.
    const headless = [...namesIn(entries)].filter((name) => !heads.has(name))
    await inParts(headless, inTransaction, (name) => {
      for (const key of entries.keys({ start: [name, 0], end: [name, Infinity] })) entries.removeSync(key)
    })
    const nowMs = Date.now()
    const setless = [...namesIn(recalled)].filter((name) => !sets.has(name))
    await inParts(setless, inTransaction, (name) => sets.putSync(name, nowMs))
  } finally {
    await root.close()
  }
  return count
}

function* findRecords(disk: Disk, file: string, onDamage: (damage: Damage) => void): Generator<Found> {
  let reported = 0
  for (const { key: bytes, value, isBig } of leafRecords(new LmdbPages(disk, file, CHUNK_BYTES))) {
    const key = asKey(decodeKey(bytes))
    const found = key && identify(key, value)
    if (found) yield { ...found, key }
    // The pages of big values are used again, so an older record leads to something else.
    else if (hasTrailer(value) && !isBig && ++reported <= MAX_REPORTED) {
      const mended = key && mend(key, value)
      if (mended) yield mended
      const where = `${file}, ${JSON.stringify(key ?? bytes.toString('hex'))}`
      onDamage({ kind: 'entry', bytes: value, where: mended ? `${where}; one bit, put right` : where })
    }
  }
}

/** Returns which database a record is of: the checksum tells, and without one the form. */
function identify(key: Key, bytes: Buffer): Omit<Found, 'key'> | undefined {
  for (const database of Object.keys(DATABASES) as DatabaseName[]) {
    const decoded = decodeValue(database, DATABASES[database], key, bytes)
    if (decoded === undefined) continue
    if (!decoded.isOld || hasFormOf(database, key, decoded.value)) return { database, value: decoded.value }
  }
  return undefined
}

function mend(key: Key, bytes: Buffer): Found | undefined {
  for (const database of Object.keys(DATABASES) as DatabaseName[]) {
    const mended = mendRecord(database, DATABASES[database], key, bytes)
    if (mended) return { database, ...mended }
  }
  return undefined
}

function hasFormOf(database: DatabaseName, key: Key, value: unknown): boolean {
  const isNamed = typeof key === 'string'
  const fields = typeof value === 'object' && value !== null ? value : {}
  if (database === 'heads') return isNamed && 'epoch' in fields && 'offset' in fields && 'from' in fields
  if (database === 'group-ends') return isNamed && 'atMs' in fields && 'isDropped' in fields
  if (database === 'recalled-sets') return isNamed && typeof value === 'number'
  if (isNamed) return false
  if (database === 'recalled') return typeof value === 'number'
  if (typeof key[1] === 'string') return false
  if (database === 'announcements') return 'text' in fields && 'atMs' in fields
  return typeof value === 'string' && decodeEntry(value, key[1]) !== null
}

/** Whether the first of two values of a key is the later one. */
function saysMore(database: DatabaseName, value: unknown, known: unknown): boolean {
  if (database === 'heads') return isLaterHead(value as Head, known as Head)
  if (database === 'group-ends') return (value as End).atMs > (known as End).atMs
  return typeof value === 'number' && value > Number(known)
}

function isLaterHead(one: Head, other: Head): boolean {
  if (one.offset !== other.offset) return one.offset > other.offset
  return one.from === other.from ? one.usedAtMs > other.usedAtMs : one.from > other.from
}

/** Returns the first parts of the keys. */
function* namesIn(database: Pick<CheckedDatabase<unknown, NamedKey>, 'keys'>): Generator<string> {
  let start: NamedKey | undefined
  for (;;) {
    const [key] = database.keys({ limit: 1, ...(start && { start }) })
    if (key === undefined) return
    yield key[0]
    start = [key[0], BEYOND_PARTS]
  }
}

/** Calls `work` with the items, some in each transaction. */
async function inParts<T>(
  items: Iterable<T>,
  inTransaction: (work: () => void) => Promise<void>,
  work: (item: T) => void,
): Promise<void> {
  let part: T[] = []
  const flush = async (): Promise<void> => {
    const now = part
    part = []
    await inTransaction(() => now.forEach(work))
  }
  for (const item of items) if (part.push(item) >= ITEMS_PER_TRANSACTION) await flush()
  await flush()
}
