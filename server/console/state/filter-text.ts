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

/** Whether a filter names exactly one conversation: the gateway then looks through its own log, too. */
export function namesConversation(text: string): boolean {
  const parsed = parseFilter(text)
  if (!parsed.ok) return false
  const named = (key: 'group' | 'official' | 'c2c'): string[] =>
    parsed.filter.terms.flatMap((term) =>
      term.key === key && !term.excludes && 'values' in term && term.values.size === 1
        ? [...term.values]
        : [],
    )
  return named('group').length > 0 || named('official').length > 0 || new Set(named('c2c')).size > 1
}

const MAX_OFFERED = 3

/** Returns the users that a filter asks for as operator, sender or one of two. */
export function peopleIn(text: string): readonly string[] {
  const parsed = parseFilter(text)
  if (!parsed.ok) return []
  const named = parsed.filter.terms.flatMap((term) =>
    (term.key === 'operator' || term.key === 'sender' || term.key === 'c2c') && !term.excludes
      ? [...term.values]
      : [],
  )
  return [...new Set(named)].slice(0, MAX_OFFERED)
}

/** A word as it may be the name of a group: without quotes, separators or a minus, and no number. */
const PLAIN_WORD = /^(?!-|\d+$)[^\s"“”,，:：<>=]+$/

/** Returns the words of a filter that may be names of groups, each with the filter that asks the log of that group. */
export function ownLogFilters(text: string): readonly { readonly group: string; readonly q: string }[] {
  if (!parseFilter(text).ok || namesConversation(text)) return []
  const terms = text.trim().split(/\s+/)
  // Inside of quotes, blanks separate nothing.
  if (/["“”]/.test(text)) return []
  return terms
    .filter((term) => PLAIN_WORD.test(term))
    .slice(0, MAX_OFFERED)
    .map((group) => ({ group, q: terms.map((term) => (term === group ? `group:${term}` : term)).join(' ') }))
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
