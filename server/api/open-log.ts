import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import type { StoredEntry } from '../broker/log-reading.ts'

/** A log, and how far it reaches. */
export interface OpenLog {
  readonly room: Room
  readonly head: Position
  /** The offset of the oldest entry; that of the next one if it has none. */
  readonly first: number
  /** When the store kept the oldest entry; null if there is none. */
  readonly keptSinceMs: number | null
  readonly oldest?: StoredEntry
}

/** What the entries of two logs about the same recall have in common. */
export const textOf = ({ text, subset }: StoredEntry): string => `${subset} ${text}`

/** Stands for the epoch of a log that was never used. */
export const NO_EPOCH = '-'
/** So many entries are asked for a time, should the oldest have none. */
const OLDEST = 10

/** Opens a log. It creates nothing: whoever types names into a search box must not make logs of them. */
export async function openLog(log: Pick<Broker, 'entries'>, room: Room): Promise<OpenLog> {
  const { head, entries } = await log.entries(room, 0, OLDEST)
  if (head === undefined) return { room, head: { epoch: NO_EPOCH, offset: 0 }, first: 1, keptSinceMs: null }
  const [oldest] = entries
  if (oldest === undefined) return { room, head, first: head.offset + 1, keptSinceMs: null }
  // If there is no time in any, the log is not empty, but nothing is known of how far it reaches.
  const keptSinceMs = entries.map(keptAt).find((atMs) => atMs !== undefined) ?? Date.now()
  return { room, head, first: oldest.offset, keptSinceMs, oldest }
}

/**
 * When the store kept an entry: what was received later than that was kept later too, though it may have waited in a spool. Entries of the
 * last release do not say it.
 */
export const keptAt = ({ link, notice }: StoredEntry): number | undefined =>
  link?.keptAtMs ?? notice?.receivedAtMs

/** Returns the offset of the first entry that was kept later than this. Entries are in the order in which they were kept. */
export async function firstKeptAfter(
  log: Pick<Broker, 'entries'>,
  { room, first, head }: OpenLog,
  atMs: number,
): Promise<number> {
  let [low, high] = [first, head.offset + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [entry] = (await log.entries(room, middle - 1, 1)).entries
    if (entry !== undefined && (keptAt(entry) ?? Infinity) <= atMs) low = middle + 1
    else high = middle
  }
  return low
}
