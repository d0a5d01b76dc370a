import { useLocale } from '../i18n/i18n.ts'
import type { KeyedRow } from '../state/feed.ts'
import { Icon } from '../ui/icon.tsx'
import { usePrintable } from '../ui/printable.ts'
import { ListRow, rowId } from './list-row.tsx'
import { rowWindow } from './row-window.ts'
import { useActiveRow, useScrolling } from './use-list.ts'

interface RecallListProps {
  /** Oldest first. The list shows the newest first. */
  readonly rows: readonly KeyedRow[]
  readonly label: string
  /** The text shown if there are no rows. */
  readonly empty: string
  /** The key of the row that is open next to the list. */
  readonly open: number | undefined
  readonly onOpen: (row: KeyedRow) => void
}

/**
 * A list of any length: only visible rows are in the document. The Tab key stops at the list once; arrow keys move inside
 * it.
 */
export function RecallList({ rows, label, empty, open, onOpen }: RecallListProps) {
  usePrintable({ label, rows })
  const { scroller, viewport, onScroll, scrollTo } = useScrolling(rows)
  const { active, activate, onKeyDown } = useActiveRow({ rows, viewport, scrollTo, onOpen })
  const { first, end } = rowWindow(viewport, rows.length)
  const rendered = rows.slice(rows.length - end, rows.length - first).toReversed()
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
        aria-activedescendant={rendered.some(({ key }) => key === active) ? rowId(active ?? 0) : undefined}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        <ListHeader />
        <div role="rowgroup" class="rows" style={{ height: px(rows.length), paddingTop: px(first) }}>
          {rendered.map((keyed, i) => (
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

function ListHeader() {
  const { columns } = useLocale().t
  return (
    <div role="rowgroup" class="list-header">
      <div role="row" class="row" aria-rowindex={1}>
        {(['time', 'conversation', 'topic', 'operator', 'messages'] as const).map((name) => (
          <div key={name} role="columnheader" class={name}>
            {columns[name]}
          </div>
        ))}
      </div>
    </div>
  )
}

function JumpToLatest({ onClick }: { readonly onClick: () => void }) {
  const { t } = useLocale()
  return (
    <button type="button" class="to-latest" onClick={onClick}>
      <Icon name="up" />
      {t.feed.jumpToLatest}
    </button>
  )
}
