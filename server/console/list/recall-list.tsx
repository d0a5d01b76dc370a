import type { TargetedKeyboardEvent } from 'preact'
import { useState } from 'preact/hooks'
import { Icon } from '../icon.tsx'
import { useSpeech } from '../language.ts'
import { ListRow, rowId } from './list-row.tsx'
import type { KeyedRow } from './row.ts'
import { countAfter, rowWindow, topToSee } from './row-window.ts'
import { useScrolling } from './use-scrolling.ts'

interface RecallListProps {
  /** The oldest first; shown is the latest first. */
  readonly rows: readonly KeyedRow[]
  readonly label: string
  /** Shown instead of rows. */
  readonly empty: string
  /** The row that is open beside the list. */
  readonly open: number | undefined
  readonly onOpen: (row: KeyedRow) => void
}

/** Any number of recalls: only the rows in sight are in the document. One stop for the Tab key, and arrows from there. */
export function RecallList({ rows, label, empty, open, onOpen }: RecallListProps) {
  const { words } = useSpeech()
  const { scroller, scrolled, onScroll, scrollTo } = useScrolling(rows)
  const [active, setActive] = useState<number>()
  const { first, end } = rowWindow(scrolled, rows.length)
  const drawn = rows.slice(rows.length - end, rows.length - first).toReversed()
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
  return (
    <div class="list-frame">
      <div
        ref={scroller}
        class="list"
        role="grid"
        tabIndex={0}
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-activedescendant={drawn.some(({ key }) => key === active) ? rowId(active ?? 0) : undefined}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        <ListHead />
        <div
          role="rowgroup"
          class="rows"
          style={{ height: `${rows.length * scrolled.rowPx}px`, paddingTop: `${first * scrolled.rowPx}px` }}
        >
          {drawn.map((keyed, i) => (
            <ListRow
              key={keyed.key}
              keyed={keyed}
              index={first + i + 2}
              isActive={keyed.key === active}
              isOpen={keyed.key === open}
              onOpen={act}
            />
          ))}
        </div>
      </div>
      {rows.length === 0 && <p class="empty">{empty}</p>}
      {scrolled.topPx > scrolled.rowPx * 4 && (
        <button type="button" class="to-top" onClick={() => scrollTo(0)}>
          <Icon name="up" />
          {words.feed.latest}
        </button>
      )}
    </div>
  )
}

function ListHead() {
  const { columns } = useSpeech().words
  return (
    <div role="rowgroup" class="list-head">
      <div role="row" class="row" aria-rowindex={1}>
        {(['time', 'group', 'topic', 'operator', 'messages'] as const).map((name) => (
          <div key={name} role="columnheader" class={name}>
            {columns[name]}
          </div>
        ))}
      </div>
    </div>
  )
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
