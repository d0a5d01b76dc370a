import type { TargetedKeyboardEvent } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { KeyedRow } from '../state/feed.ts'
import { countAfter, scrollTopFor } from './row-window.ts'
import type { Viewport } from './row-window.ts'

/** Follows how a list is scrolled. New rows arrive at the top; a list that is scrolled down keeps its rows in place. */
export function useScrolling(rows: readonly KeyedRow[]) {
  const scroller = useRef<HTMLDivElement>(null)
  const rowPx = useRowHeight()
  const [topPx, setTop] = useState(0)
  const [heightPx, setHeight] = useState(0)
  const newestKey = rows.at(-1)?.key
  const shownKey = useRef(newestKey)

  useLayoutEffect(() => {
    const { current: element } = scroller
    const previousKey = shownKey.current
    shownKey.current = newestKey
    if (
      element === null ||
      previousKey === undefined ||
      newestKey === undefined ||
      element.scrollTop < rowPx / 2
    )
      return
    element.scrollTop += countAfter(rows, previousKey) * rowPx
  }, [newestKey])

  useEffect(() => {
    const { current: element } = scroller
    if (element === null) return
    // The column headers, where there are any, stick to the top.
    const header = element.firstElementChild
    const observer = new ResizeObserver(() => setHeight(element.clientHeight - (header?.clientHeight ?? 0)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const viewport: Viewport = { topPx, heightPx, rowPx }
  const onScroll = (): void => setTop(scroller.current?.scrollTop ?? 0)
  const scrollTo = (px: number): void => scroller.current?.scrollTo({ top: px })
  return { scroller, viewport, onScroll, scrollTo }
}

/** As in `style/list.css`: one line, or two on a narrow screen. */
const WIDE_ROW_PX = 40
const NARROW_ROW_PX = 64
const narrowScreen = matchMedia('(max-width: 47.99rem)')

/** The height of each row, in px. */
function useRowHeight(): number {
  const [isNarrow, setNarrow] = useState(narrowScreen.matches)
  useEffect(() => {
    const onChange = (): void => setNarrow(narrowScreen.matches)
    narrowScreen.addEventListener('change', onChange)
    return () => narrowScreen.removeEventListener('change', onChange)
  }, [])
  return isNarrow ? NARROW_ROW_PX : WIDE_ROW_PX
}

interface ActiveRowOptions {
  readonly rows: readonly KeyedRow[]
  readonly viewport: Viewport
  readonly scrollTo: (px: number) => void
  readonly onOpen: (row: KeyedRow) => void
}

/** The row the keyboard acts on: arrow keys move it, Enter or a click opens it. */
export function useActiveRow({ rows, viewport, scrollTo, onOpen }: ActiveRowOptions) {
  const [active, setActive] = useState<number>()
  const activate = (row: KeyedRow): void => {
    setActive(row.key)
    onOpen(row)
  }
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const current = active === undefined ? -1 : countAfter(rows, active)
    const next = targetIndex(event.key, current, Math.floor(viewport.heightPx / viewport.rowPx))
    const row = rows[rows.length - 1 - (next ?? current)]
    if (next === undefined && (event.key !== 'Enter' || row === undefined)) return
    event.preventDefault()
    if (next === undefined) return row && activate(row)
    const index = Math.min(Math.max(next, 0), rows.length - 1)
    setActive(rows[rows.length - 1 - index]?.key)
    scrollTo(scrollTopFor(viewport, index))
  }
  return { active, activate, onKeyDown }
}

/** Returns the row a key leads to, possibly outside the list; undefined for any other key. */
function targetIndex(key: string, current: number, page: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: current + 1,
    ArrowUp: current - 1,
    PageDown: current + page,
    PageUp: current - page,
    Home: 0,
    End: Infinity,
  }
  return steps[key]
}
