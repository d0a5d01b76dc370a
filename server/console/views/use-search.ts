import { useEffect, useRef, useState } from 'preact/hooks'
import { parseFilter } from '../../../shared/filter.ts'
import type { Api } from '../state/api.ts'
import { contradictionIn } from '../state/filter-text.ts'
import { Search } from '../state/search.ts'

/** Somebody who has stopped typing for so long has written what they look for. */
const SETTLED_MS = 400

/** Searches the logs for what the search box holds, once it is written. Undefined until then, and for what cannot be read. */
export function useSearch(api: Api, q: string, isWanted: boolean): Search | undefined {
  const [search, setSearch] = useState<Search>()
  const [, setSteps] = useState(0)
  const isFirst = useRef(true)
  useEffect(() => {
    setSearch(undefined)
    const parsed = parseFilter(q)
    if (!isWanted || !parsed.ok || contradictionIn(parsed.filter) !== undefined) return
    let begun: Search | undefined
    const begin = (): void => {
      begun = new Search(q, api, () => setSteps((count) => count + 1))
      setSearch(begun)
    }
    // Nobody types what an address has brought along.
    const timer = setTimeout(begin, isFirst.current ? 0 : SETTLED_MS)
    isFirst.current = false
    return () => {
      clearTimeout(timer)
      begun?.stop()
    }
  }, [q, isWanted])
  return search?.q === q ? search : undefined
}
