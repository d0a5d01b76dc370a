import type { TargetedKeyboardEvent } from 'preact'
import { useState, useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { KeyedRow } from '../state/feed.ts'
import { countAfter, scrollTopFor } from './row-window.ts'
import type { Viewport } from './row-window.ts'

interface ActiveRowOptions {
  readonly rows: readonly KeyedRow[]
  readonly viewport: Viewport
  readonly scrollTo: (px: number) => void
  readonly onOpen: (row: KeyedRow) => void
}

/** The row on which the keyboard acts: arrows move it, Enter opens it, and so does a click. */
export function useActiveRow({ rows, viewport, scrollTo, onOpen }: ActiveRowOptions) {
  const [active, setActive] = useState<number>()
  const activate = (row: KeyedRow): void => {
    setActive(row.key)
    onOpen(row)
  }
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const at = active === undefined ? -1 : countAfter(rows, active)
    const next = targetIndex(event.key, at, Math.floor(viewport.heightPx / viewport.rowPx))
    const row = rows[rows.length - 1 - (next ?? at)]
    if (next === undefined && (event.key !== 'Enter' || row === undefined)) return
    event.preventDefault()
    if (next === undefined) return row && activate(row)
    const index = Math.min(Math.max(next, 0), rows.length - 1)
    setActive(rows[rows.length - 1 - index]?.key)
    scrollTo(scrollTopFor(viewport, index))
  }
  return { active, activate, onKeyDown }
}

/** To which row a key leads, if to any; it may be beyond the list. */
function targetIndex(key: string, at: number, page: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: Infinity,
  }
  return steps[key]
}

/**
 * Follows how a list is viewport. Rows come in at the top: whoever has scrolled down keeps before their eyes what they read.
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

  const viewport: Viewport = { topPx, heightPx, rowPx }
  const onScroll = (): void => setTop(scroller.current?.scrollTop ?? 0)
  const scrollTo = (px: number): void => scroller.current?.scrollTo({ top: px })
  return { scroller, viewport, onScroll, scrollTo }
}

/** As in `style/list.css`: one line, and two on a narrow screen. */
const WIDE_PX = 40
const NARROW_PX = 64
const narrow = matchMedia('(max-width: 47.99rem)')

/** How high each row of a list is. */
function useRowHeight(): number {
  const [isNarrow, setNarrow] = useState(narrow.matches)
  useEffect(() => {
    const onChange = (): void => setNarrow(narrow.matches)
    narrow.addEventListener('change', onChange)
    return () => narrow.removeEventListener('change', onChange)
  }, [])
  return isNarrow ? NARROW_PX : WIDE_PX
}
