import type { KeyedRow, Row } from './feed.ts'

/** Of each room that is watched. Those that arrive push out the oldest; what is read from the log stops there. */
export const MAX_ROOM_ROWS = 5_000
/** Rows are dropped in bulk, so that adding one does not copy all the others. */
const TRIM_SLACK_ROWS = 500
const LATEST_RECALLS = 5

/** The rows of a room, oldest first. Keys increase; they are negative for what was read later than what follows it. */
export class RoomRows {
  #rows: KeyedRow[] = []
  #nextKey = 1
  #oldestKey = 0

  get rows(): readonly KeyedRow[] {
    return this.#rows
  }

  get isFull(): boolean {
    return this.#rows.length >= MAX_ROOM_ROWS
  }

  /** Adds rows that are newer than all others. Returns whether the oldest were dropped for them. */
  add(rows: readonly Row[]): boolean {
    // A new array: whoever renders it compares it with the one before.
    this.#rows = [...this.#rows, ...rows.map((row) => ({ key: this.#nextKey++, row }))]
    if (this.#rows.length <= MAX_ROOM_ROWS + TRIM_SLACK_ROWS) return false
    this.#rows = this.#rows.slice(-MAX_ROOM_ROWS)
    return true
  }

  /** Adds rows that are older than all others, oldest first; the newest of them, if there is no room for all. */
  addOlder(rows: readonly Row[]): void {
    const room = Math.max(0, MAX_ROOM_ROWS - this.#rows.length)
    const kept = room === 0 ? [] : rows.slice(-room)
    const firstKey = this.#oldestKey - kept.length + 1
    this.#oldestKey -= kept.length
    this.#rows = [...kept.map((row, i) => ({ key: firstKey + i, row })), ...this.#rows]
  }
}

/**
 * Returns the latest recalls, newest first, with at most one remark between two of them: a connection that is lost again and again must
 * not push the recalls out. A gap stands for the other remarks beside it.
 */
export function latestOf(rows: readonly KeyedRow[]): readonly KeyedRow[] {
  const latest: KeyedRow[] = []
  let recalls = 0
  for (let i = rows.length - 1; i >= 0 && recalls < LATEST_RECALLS; i--) {
    const entry = rows[i] as KeyedRow
    if (isRecall(entry)) recalls++
    const newer = latest.at(-1)
    if (newer === undefined || isRecall(newer) || isRecall(entry)) latest.push(entry)
    else if (newer.row.kind !== 'gap' && entry.row.kind === 'gap') latest[latest.length - 1] = entry
  }
  return latest
}

const isRecall = ({ row }: KeyedRow): boolean => row.kind === 'notice'
