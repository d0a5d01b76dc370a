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

/** Scrolls to a row when it opens, if it is not in view: it may have been opened by its address. */
export function useOpenRowInView(
  rows: readonly KeyedRow[],
  open: number | undefined,
  viewport: Viewport,
  scrollTo: (px: number) => void,
): void {
  const index = open === undefined ? -1 : countAfter(rows, open)
  const isInList = open !== undefined && rows[rows.length - 1 - index]?.key === open
  const isReady = isInList && viewport.heightPx > 0
  useEffect(() => {
    if (isReady) scrollTo(scrollTopFor(viewport, index))
  }, [open, isReady])
}

/** How long a new row is highlighted. */
const FRESH_MS = 3_000

export const isFresh = ({ row }: KeyedRow): boolean =>
  row.kind === 'notice' && row.seenAtMs !== undefined && Date.now() - row.seenAtMs < FRESH_MS

/** Renders the list again when its newest row is no longer fresh, also if nothing else happens. */
export function useFreshness(rows: readonly KeyedRow[]): void {
  const newest = rows.at(-1)
  const [, setAged] = useState(0)
  useEffect(() => {
    if (newest === undefined || !isFresh(newest)) return
    const timer = setTimeout(() => setAged(newest.key), FRESH_MS)
    return () => clearTimeout(timer)
  }, [newest?.key])
}

interface ActiveRowOptions {
  readonly rows: readonly KeyedRow[]
  readonly viewport: Viewport
  readonly scrollTo: (px: number) => void
  readonly onOpen: (row: KeyedRow) => void
  /** Called before a key moves the active row. */
  readonly onMove: () => void
  /** Called for Home: shows the newest rows, and returns the key of the first. */
  readonly onHome: () => number | undefined
  readonly onEscape: () => void
}

/** The row the keyboard acts on: arrow keys move it, Enter or a click opens it. */
export function useActiveRow(options: ActiveRowOptions) {
  const { rows, viewport, scrollTo, onOpen, onMove, onHome, onEscape } = options
  const [active, setActive] = useState<number>()
  const activate = (row: KeyedRow): void => {
    setActive(row.key)
    ignoreDoubleClick()
    onOpen(row)
  }
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    if (event.key === 'Escape') return onEscape()
    if (event.key === 'Home') {
      event.preventDefault()
      setActive(onHome())
      return scrollTo(0)
    }
    const current = active === undefined ? -1 : countAfter(rows, active)
    const next = targetIndex(event.key, current, Math.floor(viewport.heightPx / viewport.rowPx))
    const row = rows[rows.length - 1 - (next ?? current)]
    if (next === undefined && (event.key !== 'Enter' || row === undefined)) return
    event.preventDefault()
    if (next === undefined) return row && activate(row)
    onMove()
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
    End: Infinity,
  }
  return steps[key]
}

/** Longer than a double click takes, whatever the system's setting. */
const DOUBLE_CLICK_MS = 1_000

/** What opens may appear under the pointer: the second click of a double click must not act on it. */
function ignoreDoubleClick(): void {
  const ignore = (event: MouseEvent): void => {
    if (event.detail < 2) return
    event.stopPropagation()
    event.preventDefault()
  }
  addEventListener('click', ignore, { capture: true })
  setTimeout(() => removeEventListener('click', ignore, { capture: true }), DOUBLE_CLICK_MS)
}
