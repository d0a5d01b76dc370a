import type { Conversation } from '../../../shared/conversation.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason } from '../../../shared/position.ts'
import type { Room } from '../../../shared/room.ts'
import { kindOf } from './conversations.ts'
import type { Kind } from './conversations.ts'
import type { Interruption } from './interruptions.ts'

export interface NoticeRow {
  readonly kind: 'notice'
  /** The room whose log holds it. */
  readonly room: Room
  readonly notice: Notice | MemberNotice
  /** When it reached this page, by the viewer's clock; undefined if it was read from the log. */
  readonly seenAtMs?: number
  /** How long after the gateway had received it it reached this page, in ms, if that was clearly too long. */
  readonly lateMs?: number
}

/** A row of a list: a notice, or an event that shows whether the list is complete. */
export type Row =
  | NoticeRow
  | { readonly kind: 'gap'; readonly reason: GapReason }
  /** What is above it may have come late. Its end and its counts become known later. */
  | { readonly kind: 'interruption'; readonly interruption: Interruption }

export interface KeyedRow {
  /** Identifies the row while it moves down the list. Keys increase. */
  readonly key: number
  readonly row: Row
}

export const MAX_ROWS = 10_000
/** Rows are dropped in bulk, so that adding one does not copy all the others. */
const TRIM_SLACK_ROWS = 1_000

/** The latest rows, oldest first, and those that match the filter. */
export class Feed {
  #all: KeyedRow[] = []
  #shown: KeyedRow[] = []
  /** Rows added while paused. */
  #queued: KeyedRow[] | undefined
  #queuedRecalls = 0
  #recalls = { all: 0, shown: 0 }
  #matches = createMatcher(NO_FILTER)
  #filter = NO_FILTER
  #nextKey = 1
  #isTrimmed = false
  #hidesGap = false

  get shown(): readonly KeyedRow[] {
    return this.#shown
  }

  /** How many recalls there are, and how many of them are shown. Remarks between them do not count. */
  get recalls(): { readonly all: number; readonly shown: number } {
    return this.#recalls
  }

  get filter(): Filter {
    return this.#filter
  }

  get isPaused(): boolean {
    return this.#queued !== undefined
  }

  /** How many recalls were added while paused. */
  get queuedRecalls(): number {
    return this.#queuedRecalls
  }

  /** Whether the oldest rows were dropped. */
  get isTrimmed(): boolean {
    return this.#isTrimmed
  }

  /** Whether a gap is queued: readers must be warned although the row is not shown yet. */
  get hidesGap(): boolean {
    return this.#hidesGap
  }

  /** How many rows were ever added. */
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
      this.#queuedRecalls = countRecalls(this.#queued)
      this.#isTrimmed = true
    }
    if (this.#all.length > MAX_ROWS + TRIM_SLACK_ROWS) this.#trim()
  }

  pause(): void {
    this.#queued ??= []
  }

  resume(): void {
    const queued = this.#queued ?? []
    this.#queued = undefined
    this.#queuedRecalls = 0
    this.#hidesGap = false
    for (const keyed of queued) this.#append(keyed)
    if (this.#all.length > MAX_ROWS) this.#trim()
  }

  setFilter(filter: Filter): void {
    this.#filter = filter
    this.#matches = createMatcher(filter)
    this.#shown = this.#all.filter(({ row }) => this.#matches(row))
    this.#count()
  }

  #queue(queued: KeyedRow[], keyed: KeyedRow): void {
    queued.push(keyed)
    if (keyed.row.kind === 'notice') this.#queuedRecalls++
    if (keyed.row.kind === 'gap') this.#hidesGap = true
  }

  #append(keyed: KeyedRow): void {
    const isShown = this.#matches(keyed.row)
    this.#all.push(keyed)
    if (isShown) this.#shown.push(keyed)
    if (keyed.row.kind !== 'notice') return
    this.#recalls.all++
    if (isShown) this.#recalls.shown++
  }

  #count(): void {
    this.#recalls = { all: countRecalls(this.#all), shown: countRecalls(this.#shown) }
  }

  #trim(): void {
    this.#all = this.#all.slice(-MAX_ROWS)
    this.#isTrimmed = true
    const oldestKey = this.#all[0]?.key ?? 0
    this.#shown = this.#shown.filter(({ key }) => key >= oldestKey)
    this.#count()
  }
}

const countRecalls = (rows: readonly KeyedRow[]): number =>
  rows.filter(({ row }) => row.kind === 'notice').length

/** Which rows of the feed are shown. An empty text matches everything. */
export interface Filter {
  readonly kind: Kind | ''
  /** Part of the name of a group, of one of two users, or of an official account. */
  readonly conversation: string
  readonly topic: string
  readonly operator: string
  readonly type: string
  /** Formatted as the value of a `datetime-local` input. */
  readonly from: string
  readonly until: string
}

export const NO_FILTER: Filter = {
  kind: '',
  conversation: '',
  topic: '',
  operator: '',
  type: '',
  from: '',
  until: '',
}

export const isEmpty = (filter: Filter): boolean => Object.values(filter).every((value) => value === '')

/** Returns a function that says whether a row is shown. Events always are: they show whether the list is complete. */
export function createMatcher(filter: Filter): (row: Row) => boolean {
  const contains = (wanted: string) => {
    const text = wanted.trim().toLowerCase()
    return (value: string | undefined): boolean => text === '' || (value ?? '').toLowerCase().includes(text)
  }
  const conversation = contains(filter.conversation)
  const topic = contains(filter.topic)
  const operator = contains(filter.operator)
  const type = contains(filter.type)
  const fromMs = filter.from === '' ? -Infinity : Date.parse(filter.from)
  const untilMs = filter.until === '' ? Infinity : Date.parse(filter.until)
  return (row) => {
    if (row.kind !== 'notice') return true
    const { notice } = row
    const forAdmins = 'receivedAtMs' in notice ? notice : undefined
    return (
      (filter.kind === '' || filter.kind === kindOf(notice)) &&
      namesOf(notice).some(conversation) &&
      topic(notice.topic) &&
      operator(forAdmins?.operator) &&
      type(forAdmins?.groupType) &&
      notice.recalledAtMs >= fromMs &&
      notice.recalledAtMs <= untilMs
    )
  }
}

/** What a conversation is called: its group, its two users, or its account. */
const namesOf = ({ group, c2c, official }: Conversation): readonly string[] =>
  c2c ?? [group ?? official ?? '']
