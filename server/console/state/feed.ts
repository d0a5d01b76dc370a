import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason } from '../../../shared/position.ts'
import type { Goodbye } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'

export const MAX_ROWS = 10_000
/** Rows are dropped many at a time, so that none is moved each time that one comes. */
const TRIM_SLACK_ROWS = 1_000

/** The latest rows, oldest first, and those of them that are shown. */
export class Feed {
  #all: KeyedRow[] = []
  #shown: KeyedRow[] = []
  /** What has come since it was paused. */
  #queued: KeyedRow[] | undefined
  #matches = createMatcher(NO_FILTER)
  #filter = NO_FILTER
  #nextKey = 1
  #isTrimmed = false
  #hidesGap = false

  get shown(): readonly KeyedRow[] {
    return this.#shown
  }

  get size(): number {
    return this.#all.length
  }

  get filter(): Filter {
    return this.#filter
  }

  get isPaused(): boolean {
    return this.#queued !== undefined
  }

  /** Recalls that have come since it was paused. */
  get queuedRecalls(): number {
    return this.#queued?.filter(({ row }) => row.kind === 'notice').length ?? 0
  }

  /** Whether older rows were dropped. */
  get isTrimmed(): boolean {
    return this.#isTrimmed
  }

  /** Whether notices are missing among what waits: one must know at once. */
  get hidesGap(): boolean {
    return this.#hidesGap
  }

  /** How many have come in all. */
  get received(): number {
    return this.#nextKey - 1
  }

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      const keyed = { key: this.#nextKey++, row }
      if (this.#queued) this.#queue(this.#queued, keyed)
      else this.#append(keyed)
    }
    if (this.#queued && this.#queued.length > MAX_ROWS + TRIM_SLACK_ROWS) {
      this.#queued = this.#queued.slice(-MAX_ROWS)
      this.#isTrimmed = true
    }
    if (this.#all.length > MAX_ROWS + TRIM_SLACK_ROWS) this.#trim()
  }

  pause(): void {
    this.#queued ??= []
  }

  resume(): void {
    const queuedRecalls = this.#queued ?? []
    this.#queued = undefined
    this.#hidesGap = false
    for (const keyed of queuedRecalls) this.#append(keyed)
    if (this.#all.length > MAX_ROWS) this.#trim()
  }

  setFilter(filter: Filter): void {
    this.#filter = filter
    this.#matches = createMatcher(filter)
    this.#shown = this.#all.filter(({ row }) => this.#matches(row))
  }

  #queue(queuedRecalls: KeyedRow[], keyed: KeyedRow): void {
    queuedRecalls.push(keyed)
    if (keyed.row.kind === 'gap') this.#hidesGap = true
  }

  #append(keyed: KeyedRow): void {
    this.#all.push(keyed)
    if (this.#matches(keyed.row)) this.#shown.push(keyed)
  }

  #trim(): void {
    this.#all = this.#all.slice(-MAX_ROWS)
    this.#isTrimmed = true
    const oldest = this.#all[0]?.key ?? 0
    this.#shown = this.#shown.filter(({ key }) => key >= oldest)
  }
}

/** What of the feed is shown; an empty text shows all. */
export interface Filter {
  readonly group: string
  readonly topic: string
  readonly operator: string
  readonly type: string
  /** In the form of `datetime-local`. */
  readonly from: string
  readonly until: string
}

export const NO_FILTER: Filter = { group: '', topic: '', operator: '', type: '', from: '', until: '' }

export const isEmpty = (filter: Filter): boolean => Object.values(filter).every((value) => value === '')

/** Whether a row is shown. What is no notice always is: one must know it to trust the list. */
export function createMatcher(filter: Filter): (row: Row) => boolean {
  const contains = (asked: string) => {
    const text = asked.trim().toLowerCase()
    return (value: string | undefined): boolean => text === '' || (value ?? '').toLowerCase().includes(text)
  }
  const [group, topic, operator, type] = [filter.group, filter.topic, filter.operator, filter.type].map(
    contains,
  )
  const fromMs = filter.from === '' ? -Infinity : Date.parse(filter.from)
  const untilMs = filter.until === '' ? Infinity : Date.parse(filter.until)
  return (row) => {
    if (row.kind !== 'notice') return true
    const { notice } = row
    const full = 'receivedAtMs' in notice ? notice : undefined
    return (
      group?.(notice.group) === true &&
      topic?.(notice.topic) === true &&
      operator?.(full?.operator) === true &&
      type?.(full?.groupType) === true &&
      notice.recalledAtMs >= fromMs &&
      notice.recalledAtMs <= untilMs
    )
  }
}

export interface NoticeRow {
  readonly kind: 'notice'
  /** In whose log it stands. */
  readonly room: Room
  readonly notice: Notice | MemberNotice
  /** When it came to this page; undefined when it was read from the log. */
  readonly seenAtMs?: number
}

/** What a list shows: a notice, or something one must know to trust the list. */
export type Row =
  | NoticeRow
  | { readonly kind: 'gap'; readonly reason: GapReason }
  | { readonly kind: 'recovered'; readonly count: number }
  | { readonly kind: 'goodbye'; readonly goodbye: Goodbye }

export interface KeyedRow {
  /** Counts rows; tells them apart while they move down the list. */
  readonly key: number
  readonly row: Row
}
