import { isRecord } from '../../../shared/json.ts'
import { parseFilter } from '../../../shared/filter.ts'
import { browserStorage } from './storage.ts'

const KEY = 'filters'
/** One screen of them; more would not be found again. */
export const MAX_SAVED_FILTERS = 50
export const MAX_FILTER_NAME_LENGTH = 60

/** A filter under a name, in this browser. */
export interface SavedFilter {
  readonly name: string
  /** In the language of `shared/filter.ts`. */
  readonly q: string
}

/** The saved filters, in the order of their names. What another page, or a later version, has stored there is left out. */
export function savedFilters(): readonly SavedFilter[] {
  try {
    const stored: unknown = JSON.parse(browserStorage.get(KEY) ?? '[]')
    return Array.isArray(stored) ? stored.filter(isSavedFilter).slice(0, MAX_SAVED_FILTERS).map(plain) : []
  } catch {
    return []
  }
}

/** Saves a filter, in place of one with the same name. Returns false if there is no room for another, or it is none. */
export function saveFilter(filter: SavedFilter): boolean {
  const others = savedFilters().filter(({ name }) => name !== filter.name)
  if (!isSavedFilter(filter) || others.length >= MAX_SAVED_FILTERS) return false
  store([...others, filter].toSorted((one, other) => one.name.localeCompare(other.name)))
  return true
}

export function dropFilter(name: string): void {
  store(savedFilters().filter((filter) => filter.name !== name))
}

function store(filters: readonly SavedFilter[]): void {
  browserStorage.set(KEY, JSON.stringify(filters))
}

const plain = ({ name, q }: SavedFilter): SavedFilter => ({ name, q })

function isSavedFilter(value: unknown): value is SavedFilter {
  if (!isRecord(value)) return false
  const { name, q } = value
  if (typeof name !== 'string' || typeof q !== 'string') return false
  return name.trim() !== '' && name.length <= MAX_FILTER_NAME_LENGTH && q.trim() !== '' && parseFilter(q).ok
}
