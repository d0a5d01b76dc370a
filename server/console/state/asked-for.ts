import { parseFilter } from '../../../shared/filter.ts'
import type { RecalledMessage } from '../../../shared/message.ts'

type IsAskedFor = (message: RecalledMessage) => boolean

let latest: { readonly q: string; readonly isAskedFor: IsAskedFor | undefined } | undefined

/**
 * Returns which of the messages of a recall a search names by seq, `MsgId` or `MsgKey`, in their order; none if it names all of them, or
 * none. One recall may have a thousand.
 */
export function askedForAmong(q: string, messages: readonly RecalledMessage[]): ReadonlySet<RecalledMessage> {
  // All rows of a list are of one search.
  if (latest?.q !== q) latest = { q, isAskedFor: readSearch(q) }
  const { isAskedFor } = latest
  const asked = isAskedFor === undefined || messages.length < 2 ? [] : messages.filter(isAskedFor)
  return new Set(asked.length < messages.length ? asked : [])
}

function readSearch(q: string): IsAskedFor | undefined {
  const parsed = parseFilter(q)
  const terms = parsed.ok ? parsed.filter.terms.filter(({ excludes }) => !excludes) : []
  const ranges = terms.flatMap((term) => ('ranges' in term ? term.ranges : []))
  const valuesOf = (key: string): ReadonlySet<string> =>
    new Set(terms.flatMap((term) => (term.key === key && 'values' in term ? [...term.values] : [])))
  const [ids, words] = [valuesOf('msgid'), valuesOf('word')]
  if (ranges.length === 0 && ids.size === 0 && words.size === 0) return undefined
  return ({ seq, key, id }) => {
    if (seq !== undefined && ranges.some(({ first, last }) => first <= seq && seq <= last)) return true
    return [key ?? String(seq), id].some(
      (name) =>
        name !== undefined && (words.has(name.toLowerCase()) || (name !== String(seq) && ids.has(name))),
    )
  }
}
