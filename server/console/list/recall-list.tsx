import { Icon } from '../ui/icon.tsx'
import { useLocale } from '../i18n/i18n.ts'
import { ListRow, rowId } from './list-row.tsx'
import type { KeyedRow } from '../state/feed.ts'
import { rowWindow } from './row-window.ts'
import { useActiveRow } from './use-list.ts'
import { useScrolling } from './use-list.ts'

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
  const { scroller, viewport, onScroll, scrollTo } = useScrolling(rows)
  const { active, activate, onKeyDown } = useActiveRow({ rows, viewport, scrollTo, onOpen })
  const { first, end } = rowWindow(viewport, rows.length)
  const drawn = rows.slice(rows.length - end, rows.length - first).toReversed()
  const px = (count: number): string => `${count * viewport.rowPx}px`
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
        <div role="rowgroup" class="rows" style={{ height: px(rows.length), paddingTop: px(first) }}>
          {drawn.map((keyed, i) => (
            <ListRow
              key={keyed.key}
              keyed={keyed}
              index={first + i + 2}
              isActive={keyed.key === active}
              isOpen={keyed.key === open}
              onOpen={activate}
            />
          ))}
        </div>
      </div>
      {rows.length === 0 && <p class="empty">{empty}</p>}
      {viewport.topPx > viewport.rowPx * 4 && <JumpToLatest onClick={() => scrollTo(0)} />}
    </div>
  )
}

function JumpToLatest({ onClick }: { readonly onClick: () => void }) {
  const { t } = useLocale()
  return (
    <button type="button" class="to-latest" onClick={onClick}>
      <Icon name="up" />
      {t.feed.latest}
    </button>
  )
}

function ListHead() {
  const { columns } = useLocale().t
  return (
    <div role="rowgroup" class="list-header">
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
