import { useEffect, useRef } from 'preact/hooks'
import type { KeyedRow } from '../state/feed.ts'

/** A list as it is printed: all of it, while the page holds the visible rows only. */
export interface PrintableList {
  readonly label: string
  /** Oldest first. */
  readonly rows: readonly KeyedRow[]
}

const lists = new Set<{ readonly current: PrintableList }>()

/** Makes a list part of what is printed, for as long as the component is on the page. */
export function usePrintable(list: PrintableList): void {
  const latest = useRef(list)
  latest.current = list
  useEffect(() => {
    lists.add(latest)
    return () => {
      lists.delete(latest)
    }
  }, [])
}

/** The lists on the page now. */
export const printableLists = (): readonly PrintableList[] => Array.from(lists, ({ current }) => current)
