import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { KeyedRow } from '../state/row.ts'
import { countAfter } from './row-window.ts'
import type { Scrolled } from './row-window.ts'
import { useRowHeight } from './use-row-height.ts'

/**
 * Follows how a list is scrolled. Rows come in at the top: whoever has scrolled down keeps before their eyes what they read.
 */
export function useScrolling(rows: readonly KeyedRow[]) {
  const scroller = useRef<HTMLDivElement>(null)
  const rowPx = useRowHeight()
  const [topPx, setTop] = useState(0)
  const [heightPx, setHeight] = useState(0)
  const newest = rows.at(-1)?.key
  const seenNewest = useRef(newest)

  useLayoutEffect(() => {
    const { current: element } = scroller
    const before = seenNewest.current
    seenNewest.current = newest
    if (element === null || before === undefined || newest === undefined || element.scrollTop < rowPx / 2)
      return
    element.scrollTop += countAfter(rows, before) * rowPx
  }, [newest])

  useEffect(() => {
    const { current: element } = scroller
    if (element === null) return
    // The names of the columns stay in sight, where there are any.
    const head = element.firstElementChild
    const observer = new ResizeObserver(() => setHeight(element.clientHeight - (head?.clientHeight ?? 0)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const scrolled: Scrolled = { topPx, heightPx, rowPx }
  const onScroll = (): void => setTop(scroller.current?.scrollTop ?? 0)
  const scrollTo = (px: number): void => scroller.current?.scrollTo({ top: px })
  return { scroller, scrolled, onScroll, scrollTo }
}
