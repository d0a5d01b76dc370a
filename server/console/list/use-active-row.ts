import type { TargetedKeyboardEvent } from 'preact'
import { useState } from 'preact/hooks'
import type { KeyedRow } from '../state/row.ts'
import { countAfter, topToSee } from './row-window.ts'
import type { Scrolled } from './row-window.ts'

interface ActiveRowOptions {
  readonly rows: readonly KeyedRow[]
  readonly scrolled: Scrolled
  readonly scrollTo: (px: number) => void
  readonly onOpen: (row: KeyedRow) => void
}

/** The row on which the keyboard acts: arrows move it, Enter opens it, and so does a click. */
export function useActiveRow({ rows, scrolled, scrollTo, onOpen }: ActiveRowOptions) {
  const [active, setActive] = useState<number>()
  const act = (row: KeyedRow): void => {
    setActive(row.key)
    onOpen(row)
  }
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const at = active === undefined ? -1 : countAfter(rows, active)
    const next = moved(event.key, at, Math.floor(scrolled.heightPx / scrolled.rowPx))
    const row = rows[rows.length - 1 - (next ?? at)]
    if (next === undefined && (event.key !== 'Enter' || row === undefined)) return
    event.preventDefault()
    if (next === undefined) return row && act(row)
    const index = Math.min(Math.max(next, 0), rows.length - 1)
    setActive(rows[rows.length - 1 - index]?.key)
    scrollTo(topToSee(scrolled, index))
  }
  return { active, act, onKeyDown }
}

/** To which row a key leads, if to any; it may be beyond the list. */
function moved(key: string, at: number, page: number): number | undefined {
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
