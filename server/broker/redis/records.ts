import { VERSION, isReadableVersion } from '../../../shared/version.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker } from '../broker.ts'
import { checkRecord, checkRecordId, hasExpired, MAX_RECORDS_READ, RECORD_LIMITS } from '../records.ts'
import type { RecordName, StoredRecord } from '../records.ts'
import { withTimeout } from '../timeout.ts'
import { toAnnouncements } from './announcements.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import { isWrongType } from './connection/failure.ts'
import type { Keys } from './keys.ts'
import type { LaterVersions } from './later-versions.ts'
import { toArray } from './scripts.ts'
import type { Signer } from './signature.ts'

interface RecordsDependencies {
  readonly commands: Connection['client']
  readonly keys: Pick<Keys, 'records' | 'channel'>
  /** Of each name one of its own: a record of one must not be taken for one of the other. */
  readonly signers: Readonly<Record<RecordName, Signer>>
  readonly later: LaterVersions
  readonly log: Logger
}

/**
 * Stores records as announcements are stored, in a stream, with the same script. Nobody listens to their channel. The time is in what is
 * signed: ids follow each other, so whoever adds one from the future would move all that follow.
 */
export function createRecords({
  commands,
  keys,
  signers,
  later,
  log,
}: RecordsDependencies): Pick<Broker, 'record' | 'records'> {
  /** Returns the next entries before an id, newest first. */
  async function readStream(name: RecordName, before: string | undefined, count: number) {
    const start = before === undefined ? '+' : `(${before}`
    const reading = commands.xrevrange(keys.records(name), start, '-', 'COUNT', count)
    const reply = await withTimeout(COMMAND_TIMEOUT_MS, reading).catch((error: unknown) => {
      if (!isWrongType(error)) throw error
      // Lost, like a missing key. The next record replaces it.
      log.error({ name }, 'records in Redis are unusable: their key has the wrong type')
      return []
    })
    const entries = toArray(reply)
    const last = toArray(entries.at(-1) ?? [])[0]
    return { count: entries.length, last: String(last), records: toAnnouncements(entries) }
  }

  /**
   * Returns undefined for what no process of the app wrote, and null for what one of a version wrote that this one cannot read.
   */
  function toRecord(
    name: RecordName,
    { id, text, version }: ReturnType<typeof toAnnouncements>[number],
  ): StoredRecord | null | undefined {
    const verified = signers[name].verify(text)
    const [, atMs, signed] = /^(\d{1,16}):(.*)$/s.exec(verified?.text ?? '') ?? []
    if (signed === undefined) return undefined
    if (isReadableVersion(version)) return { id, atMs: Number(atMs), text: signed }
    later.note(version, { name, id })
    return null
  }

  return {
    async record(name, text) {
      checkRecord(text)
      const { count, ttlS } = RECORD_LIMITS[name]
      const names = [keys.records(name), keys.channel(`records:${name}`)]
      const signed = signers[name].sign(`${Date.now()}:${text}`)
      const recording = commands.recallAnnounce(names.length, ...names, signed, count, ttlS, VERSION)
      const [, wasReplaced] = toArray(await withTimeout(COMMAND_TIMEOUT_MS, recording))
      if (wasReplaced === 1) log.error({ name }, 'records in Redis were unusable and have been replaced')
    },

    async records(name, { before, limit }) {
      if (before !== undefined) checkRecordId(before)
      const nowMs = Date.now()
      const found: StoredRecord[] = []
      let from = before
      let unsigned = 0
      let unreadable = 0
      // More only if some were left out, which a caller must not take for the end.
      for (let count = limit; ; count = MAX_RECORDS_READ) {
        const read = await readStream(name, from, count)
        const all = read.records.map((entry) => toRecord(name, entry))
        unsigned += all.filter((record) => record === undefined).length
        const records = all.flatMap((record) => record ?? [])
        const current = records.filter((record) => !hasExpired(name, record, nowMs))
        for (const record of all) {
          // The next page counts what follows.
          if (found.length >= limit) break
          if (record === undefined || record === null) unreadable++
          else if (!hasExpired(name, record, nowMs)) found.push(record)
        }
        // A clock that was wrong once makes a record look old among others that are not.
        const hasAllExpired = count === MAX_RECORDS_READ && records.length > 0 && current.length === 0
        from = read.last
        if (read.count < count || hasAllExpired || found.length >= limit) break
      }
      // One line for all: there may be thousands.
      if (unsigned > 0) log.error({ name, count: unsigned }, 'records in Redis without a valid signature')
      return { records: found, unreadable }
    },
  }
}
