import { formatFilter, parseFilter } from '../../../shared/filter.ts'
import type { Filter } from '../../../shared/filter.ts'

/** Returns which of the two times ends before it begins: no recall can match; undefined if none does. */
export function contradictionIn({ terms }: Filter): 'recalled' | 'received' | undefined {
  return (['recalled', 'received'] as const).find((key) => {
    let [fromMs, beforeMs] = [-Infinity, Infinity]
    for (const term of terms) {
      if (term.key !== key || term.excludes || !('fromMs' in term || 'beforeMs' in term)) continue
      fromMs = Math.max(fromMs, term.fromMs ?? -Infinity)
      beforeMs = Math.min(beforeMs, term.beforeMs ?? Infinity)
    }
    return fromMs >= beforeMs
  })
}

/** Keys that a helper writes, in place of what stood there. */
export type HelperKey = 'kind' | 'recalled>=' | 'recalled<' | 'received>=' | 'received<'

/** Returns the text with a term of this key at its end, in place of those that had it; without any if the value is empty. */
export function withTerm(text: string, key: HelperKey, value: string): string {
  const parsed = parseFilter(text)
  // What cannot be read stays as it is: somebody is writing.
  const kept = parsed.ok
    ? formatFilter({ terms: parsed.filter.terms.filter((term) => !has(term, key)) })
    : text.trim()
  const term = value === '' ? '' : key === 'kind' ? `kind:${value}` : key + value
  return [kept, term].filter((part) => part !== '').join(' ')
}

/** Returns the value that stands under a key, empty if none does. */
export function termValue(text: string, key: HelperKey): string {
  const parsed = parseFilter(text)
  const term = parsed.ok ? parsed.filter.terms.find((one) => has(one, key)) : undefined
  if (term === undefined) return ''
  if ('values' in term) return [...term.values].join(',')
  const atMs = 'fromMs' in term ? term.fromMs : 'beforeMs' in term ? term.beforeMs : undefined
  return atMs === undefined ? '' : new Date(atMs).toISOString()
}

function has(term: Filter['terms'][number], key: HelperKey): boolean {
  if (term.excludes) return false
  if (key === 'kind') return term.key === 'kind'
  if (!key.startsWith(term.key)) return false
  return key.endsWith('>=')
    ? 'fromMs' in term && term.fromMs !== undefined
    : 'beforeMs' in term && term.beforeMs !== undefined
}

/** Writes a value, whatever is in it, so that a filter reads it as it is. */
export const quoteValue = (value: string): string => `"${value.replaceAll(/["“”\\]/g, String.raw`\$&`)}"`
