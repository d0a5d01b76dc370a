import { useEffect, useRef, useState } from 'preact/hooks'
import { parseFilter } from '../../../shared/filter.ts'
import type { Api } from '../state/api.ts'
import { contradictionIn } from '../state/filter-text.ts'
import { Search } from '../state/search.ts'

/** Somebody who has stopped typing for so long has written what they look for. */
const SETTLED_MS = 400

/**
 * Searches the logs for what the search box holds, once it is written. Undefined until then, and for what cannot be read or match.
 * A change of `revision` begins the search anew.
 */
export function useSearch(api: Api, q: string, isWanted: boolean, revision = 0): Search | undefined {
  const [search, setSearch] = useState<Search>()
  const [, setSteps] = useState(0)
  const isFirst = useRef(true)
  const searched = useRef(q)
  useEffect(() => {
    const parsed = parseFilter(q)
    if (!isWanted || !parsed.ok || contradictionIn(parsed.filter) !== undefined) return setSearch(undefined)
    let begun: Search | undefined
    const begin = (): void => {
      begun = new Search(q, api, () => setSteps((count) => count + 1))
      setSearch(begun)
    }
    // Nobody types what an address has brought along, nor what is searched again: its results stay until there are others.
    const isTyped = !isFirst.current && searched.current !== q
    const timer = setTimeout(begin, isTyped ? SETTLED_MS : 0)
    isFirst.current = false
    searched.current = q
    return () => {
      clearTimeout(timer)
      begun?.stop()
    }
  }, [q, isWanted, revision])
  return search?.q === q && isWanted ? search : undefined
}
