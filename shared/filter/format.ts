import { quote } from './characters.ts'
import type { Filter, SeqRange, Term } from './term.ts'
import { formatTime } from './times.ts'

/** Writes a filter as text, for addresses and to be saved: the same for two spellings of one filter. `parseFilter` reads it. */
export const formatFilter = ({ terms }: Filter): string => terms.map(formatTerm).join(' ')

const formatTerm = (term: Term): string => (term.excludes ? '-' : '') + formatCondition(term)

function formatCondition(term: Term): string {
  if ('ranges' in term) return `${term.key}:${term.ranges.map(formatRange).join(',')}`
  if (!('values' in term)) return formatTime(term)
  return term.key === 'word' ? list(term.values) : `${term.key}:${list(term.values)}`
}

const formatRange = ({ first, last }: SeqRange): string => (first === last ? `${first}` : `${first}-${last}`)

const list = (values: ReadonlySet<string>): string => [...values].map(quote).join(',')
