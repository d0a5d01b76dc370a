import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { Burst } from './ring-rules.ts'

/** Whoever is counted apart beyond these makes room for others: whoever came longest ago goes first. */
const MAX_KEYS = 1_000

interface Counted {
  readonly atMs: number
  readonly weight: number
}

/** Counts what came within the time of a burst rule: by operator, by group, or all together. */
export class BurstCounter {
  readonly #burst: Burst
  /** Oldest first, by what is counted together. */
  readonly #counted = new Map<string, Counted[]>()

  constructor(burst: Burst) {
    this.#burst = burst
  }

  /** Counts a recall, and returns who or what the burst is of; undefined if there is none. `atMs` need not increase. */
  add(
    notice: Notice | MemberNotice,
    atMs: number,
  ): { readonly of: string; readonly count: number } | undefined {
    const { per, unit, count, withinS } = this.#burst
    const key = keyOf(notice, per)
    if (key === undefined) return undefined
    const weight = unit === 'messages' ? notice.messages.length : 1
    const others = this.#counted.get(key) ?? []
    const all = [...others, { atMs, weight }].toSorted((one, other) => one.atMs - other.atMs)
    const lastMs = all.at(-1)?.atMs ?? atMs
    // Each weighs at least one: more of them than are needed are never looked at.
    const within = all.filter((one) => one.atMs > lastMs - withinS * 1_000).slice(-count)
    this.#keep(key, within)
    const sum = within.reduce((total, one) => total + one.weight, 0)
    return sum >= count ? { of: key, count: sum } : undefined
  }

  #keep(key: string, counted: Counted[]): void {
    this.#counted.delete(key)
    this.#counted.set(key, counted)
    const [oldest] = this.#counted.keys()
    if (this.#counted.size > MAX_KEYS && oldest !== undefined) this.#counted.delete(oldest)
  }
}

/** Nobody recalled what has no operator: such recalls are no burst of somebody. */
function keyOf(notice: Notice | MemberNotice, per: Burst['per']): string | undefined {
  switch (per) {
    case 'operator':
      return 'operator' in notice ? notice.operator : undefined
    case 'group':
      return notice.group
    case 'all':
      return ''
  }
}
