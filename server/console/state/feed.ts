import { createMatch, NO_FILTER } from './filter.ts'
import type { Filter } from './filter.ts'
import type { KeyedRow, Row } from './row.ts'

export const ROWS_AT_MOST = 10_000
/** Rows are dropped many at a time, so that none is moved each time that one comes. */
const SLACK = 1_000

/** The latest rows, oldest first, and those of them that are shown. */
export class Feed {
  #all: KeyedRow[] = []
  #shown: KeyedRow[] = []
  /** What has come since it was paused. */
  #waiting: KeyedRow[] | undefined
  #matches = createMatch(NO_FILTER)
  #filter = NO_FILTER
  #next = 1
  #isCut = false
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
    return this.#waiting !== undefined
  }

  /** Recalls that have come since it was paused. */
  get waiting(): number {
    return this.#waiting?.filter(({ row }) => row.kind === 'notice').length ?? 0
  }

  /** Whether older rows were dropped. */
  get isCut(): boolean {
    return this.#isCut
  }

  /** Whether notices are missing among what waits: one must know at once. */
  get hidesGap(): boolean {
    return this.#hidesGap
  }

  /** How many have come in all. */
  get arrived(): number {
    return this.#next - 1
  }

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      const keyed = { key: this.#next++, row }
      if (this.#waiting) this.#wait(this.#waiting, keyed)
      else this.#show(keyed)
    }
    if (this.#waiting && this.#waiting.length > ROWS_AT_MOST + SLACK) {
      this.#waiting = this.#waiting.slice(-ROWS_AT_MOST)
      this.#isCut = true
    }
    if (this.#all.length > ROWS_AT_MOST + SLACK) this.#trim()
  }

  pause(): void {
    this.#waiting ??= []
  }

  resume(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#hidesGap = false
    for (const keyed of waiting) this.#show(keyed)
    if (this.#all.length > ROWS_AT_MOST) this.#trim()
  }

  show(filter: Filter): void {
    this.#filter = filter
    this.#matches = createMatch(filter)
    this.#shown = this.#all.filter(({ row }) => this.#matches(row))
  }

  #wait(waiting: KeyedRow[], keyed: KeyedRow): void {
    waiting.push(keyed)
    if (keyed.row.kind === 'gap') this.#hidesGap = true
  }

  #show(keyed: KeyedRow): void {
    this.#all.push(keyed)
    if (this.#matches(keyed.row)) this.#shown.push(keyed)
  }

  #trim(): void {
    this.#all = this.#all.slice(-ROWS_AT_MOST)
    this.#isCut = true
    const oldest = this.#all[0]?.key ?? 0
    this.#shown = this.#shown.filter(({ key }) => key >= oldest)
  }
}
