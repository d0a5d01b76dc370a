import { matches, parseFilter } from '../../../shared/filter.ts'
import type { ParsedFilter } from '../../../shared/filter.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason } from '../../../shared/position.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { identityOf } from './conversations.ts'
import type { Interruption } from './interruptions.ts'

export interface NoticeRow {
  readonly kind: 'notice'
  /** The room whose log holds it. */
  readonly room: Room
  /** The epoch of that log, which tells its offsets from those of another. */
  readonly epoch: string
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

/** A recall that was found elsewhere. */
export interface FoundRecall {
  /** See `identityOf`. */
  readonly identity: string
  readonly row: NoticeRow
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
  #queuedMatches = 0
  #recalls = { all: 0, shown: 0 }
  #dropped = 0
  #text = ''
  #search = parseFilter('')
  #matches = createMatcher(this.#search)
  /** Of the recalls that are shown or wait, and match; undefined until somebody asks. */
  #identities: Set<string> | undefined
  #nextKey = 1
  #isTrimmed = false
  #hidesGap = false
  /** How often recalls went missing between two that are here. */
  #holes = 0
  /** Whether some of those that wait were dropped. */
  #isQueueCut = false

  get shown(): readonly KeyedRow[] {
    return this.#shown
  }

  /** How many recalls there are, and how many of them match. Remarks between them do not count. */
  get recalls(): { readonly all: number; readonly shown: number } {
    return this.#recalls
  }

  /** How many recalls are shown although they are older than the others here: what was found is not dropped with what was not. */
  get shownBeyond(): number {
    return this.#dropped
  }

  /** Changes when recalls may have gone missing between two that are here: what was found so far is no longer all. */
  get holes(): number {
    return this.#holes
  }

  /** What the rows were searched for. If it cannot be read, none is shown. */
  get search(): ParsedFilter {
    return this.#search
  }

  /** Whether rows may be hidden because they do not match. */
  get isFiltered(): boolean {
    return !this.#search.ok || this.#search.filter.terms.length > 0
  }

  /** Whether a recall that matches is shown or waits, in whatever log it was found. */
  holds({ identity, row }: FoundRecall): boolean {
    if (this.#holes === 0 && isFeed(row.room) && this.#spans(row)) return true
    this.#identities ??= new Set([...this.#shown, ...(this.#queued ?? [])].flatMap(identitiesOf))
    return this.#identities.has(identity)
  }

  /** Whether the place is between two rows that are here. Quick: texts of ten thousand rows need not be compared. */
  #spans({ epoch, notice: { offset } }: NoticeRow): boolean {
    const first = this.#all.find(isNotice)?.row
    const last = (this.#queued?.findLast(isNotice) ?? this.#all.findLast(isNotice))?.row
    if (first?.kind !== 'notice' || last?.kind !== 'notice') return false
    if (first.epoch !== epoch || last.epoch !== epoch) return false
    return first.notice.offset <= offset && offset <= last.notice.offset
  }

  get isPaused(): boolean {
    return this.#queued !== undefined
  }

  /** How many recalls were added while paused. */
  get queuedRecalls(): number {
    return this.#queuedRecalls
  }

  /** How many of them match. */
  get queuedMatches(): number {
    return this.#queuedMatches
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
      if (row.kind === 'gap') this.#holes++
      const keyed = { key: this.#nextKey++, row }
      if (this.#queued) this.#queue(this.#queued, keyed)
      else this.#append(keyed)
    }
    if (this.#queued && this.#queued.length > MAX_ROWS + TRIM_SLACK_ROWS) {
      this.#queued = this.#queued.slice(-MAX_ROWS)
      this.#countQueued()
      this.#isTrimmed = true
      // Before the first cut, nothing was missing. Further ones count once the rows are shown: there may be one every few seconds.
      if (!this.#isQueueCut) this.#holes++
      this.#isQueueCut = true
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
    this.#queuedMatches = 0
    this.#hidesGap = false
    if (this.#isQueueCut) this.#holes++
    this.#isQueueCut = false
    for (const keyed of queued) this.#append(keyed)
    if (this.#all.length > MAX_ROWS) this.#trim()
  }

  /** Shows the rows that match, in the language of `shared/filter.ts`. */
  setSearch(text: string): void {
    if (text === this.#text) return
    this.#text = text
    this.#search = parseFilter(text)
    this.#matches = createMatcher(this.#search)
    this.#shown = this.#all.filter(({ row }) => this.#matches(row))
    this.#identities = undefined
    this.#count()
    this.#countQueued()
  }

  #queue(queued: KeyedRow[], keyed: KeyedRow): void {
    queued.push(keyed)
    for (const identity of identitiesOf(keyed)) this.#identities?.add(identity)
    if (keyed.row.kind === 'notice') {
      this.#queuedRecalls++
      if (this.#matches(keyed.row)) this.#queuedMatches++
    }
    if (keyed.row.kind === 'gap') this.#hidesGap = true
  }

  #append(keyed: KeyedRow): void {
    const isShown = this.#matches(keyed.row)
    this.#all.push(keyed)
    if (isShown) this.#shown.push(keyed)
    if (keyed.row.kind !== 'notice') return
    this.#recalls.all++
    if (!isShown) return
    this.#recalls.shown++
    for (const identity of identitiesOf(keyed)) this.#identities?.add(identity)
  }

  #count(): void {
    const all = countRecalls(this.#all)
    const oldestKey = this.#all[0]?.key ?? 0
    this.#dropped = countRecalls(this.#shown.filter(({ key }) => key < oldestKey))
    this.#recalls = { all, shown: countRecalls(this.#shown) - this.#dropped }
  }

  #countQueued(): void {
    const queued = this.#queued ?? []
    this.#queuedRecalls = countRecalls(queued)
    this.#queuedMatches = countRecalls(queued.filter(({ row }) => this.#matches(row)))
  }

  /** What a search has found stays, as far as a list can hold it: no search would find it again in a log that drops it, too. */
  #trim(): void {
    this.#all = this.#all.slice(-MAX_ROWS)
    this.#isTrimmed = true
    const oldestKey = this.#all[0]?.key ?? 0
    this.#shown = this.isFiltered
      ? this.#shown.slice(-MAX_ROWS)
      : this.#shown.filter(({ key }) => key >= oldestKey)
    this.#identities = undefined
    this.#count()
  }
}

const isNotice = ({ row }: KeyedRow): boolean => row.kind === 'notice'

const identitiesOf = ({ row }: KeyedRow): string[] => (row.kind === 'notice' ? [identityOf(row.notice)] : [])

const countRecalls = (rows: readonly KeyedRow[]): number =>
  rows.filter(({ row }) => row.kind === 'notice').length

/** Returns a function that says whether a row is shown. Events always are: they show whether the list is complete. */
function createMatcher(search: ParsedFilter): (row: Row) => boolean {
  if (!search.ok) return () => false
  const { filter } = search
  return (row) => row.kind !== 'notice' || matches(filter, row.notice)
}
