import { GatewayError } from '../../shared/errors.ts'

/** What records are about. Names in Redis, so they never change. */
export type RecordName = 'audit' | 'health' | 'folders'

/** A text that was stored with `Broker.record`. */
export interface StoredRecord {
  /** Its place among those of its name; continues a list. Says nothing else. */
  readonly id: string
  /** When it was recorded, in ms since 1970, by the clock of the process that did. */
  readonly atMs: number
  readonly text: string
}

/** A part of the records of a name. */
export interface RecordsRead {
  /** Newest first; fewer than asked for only at the end. */
  readonly records: readonly StoredRecord[]
  /** How many entries between and behind them were left out, because nobody can read them: those of a key or a version that is not known. */
  readonly unreadable: number
}

export interface RecordsPage {
  /** Continues behind the record with this id. */
  readonly before?: string | undefined
  /** From 1 to `MAX_RECORDS_READ`. */
  readonly limit: number
}

/**
 * How many records of a name are stored at most, and for how long. Of health, 50 processes can write one each 30 s for an hour. With
 * the longest texts, that is 40 and 24 MB. Of data folders, each process that takes webhooks writes one a week, and one at its start and
 * end.
 */
export const RECORD_LIMITS: Readonly<Record<RecordName, { readonly count: number; readonly ttlS: number }>> =
  {
    audit: { count: 10_000, ttlS: 90 * 86_400 },
    health: { count: 6_000, ttlS: 3_600 },
    folders: { count: 500, ttlS: 30 * 86_400 },
  }

const MAX_RECORD_BYTES = 4 * 1024
export const MAX_RECORDS_READ = 1_000

/** Throws INTERNAL for a text that is too long: the caller must cut it where that makes sense. */
export function checkRecord(text: string): void {
  if (Buffer.byteLength(text) > MAX_RECORD_BYTES)
    throw new GatewayError('INTERNAL', undefined, { cause: `a record is over ${MAX_RECORD_BYTES} bytes` })
}

const MAX_ID_PART = 2n ** 64n - 1n

/** Throws REQUEST_MALFORMED for what is no id of a record. */
export function checkRecordId(id: string): void {
  const isId =
    /^\d{1,20}(?:-\d{1,20})?$/.test(id) &&
    id.split('-').every((part) => BigInt(part) <= MAX_ID_PART) &&
    // Nothing is before 0-0, which Redis takes for an error.
    /[1-9]/.test(id)
  if (!isId) throw new GatewayError('REQUEST_MALFORMED', 'that is no cursor of an earlier response')
}

/** Whether a record has expired. The clocks of processes differ by little, compared with how long records are stored. */
export const hasExpired = (name: RecordName, { atMs }: Pick<StoredRecord, 'atMs'>, nowMs: number): boolean =>
  nowMs - atMs >= RECORD_LIMITS[name].ttlS * 1_000
