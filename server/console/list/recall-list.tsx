import { useEffect } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import type { KeyedRow, NoticeRow } from '../state/feed.ts'
import { keyOfRecall } from '../state/open-recall.ts'
import { Icon } from '../ui/icon.tsx'
import { usePrintable } from '../ui/printable.ts'
import { useStore } from '../ui/store-context.ts'
import { ListRow, rowId } from './list-row.tsx'
import { rowWindow } from './row-window.ts'
import { useHold } from './use-hold.ts'
import { useActiveRow, useFreshness, useOpenRowInView, useScrolling } from './use-list.ts'

const COLUMNS = ['time', 'conversation', 'topic', 'operator', 'messages'] as const

interface RecallListProps {
  /** Oldest first. The list shows the newest first. */
  readonly rows: readonly KeyedRow[]
  readonly label: string
  /** The text shown if there are no rows. */
  readonly empty: string
  /** The recall that is open next to the list, which need not be in it. */
  readonly open: NoticeRow | undefined
  readonly onOpen: (row: KeyedRow) => void
  readonly onClose: () => void
  /** What the rows are of: a search, or a room. */
  readonly subject: string
}

/**
 * A list of any length: only visible rows are in the document. The Tab key stops at the list once; arrow keys move inside
 * it.
 */
export function RecallList({ rows: all, label, empty, open, onOpen, onClose, subject }: RecallListProps) {
  const store = useStore()
  const { isAdmin } = store
  usePrintable({ label, rows: all })
  const hold = useHold({ rows: all, isOpen: open !== undefined, subject })
  const { shown: rows, newer } = hold
  useEffect(() => {
    store.holdList(newer > 0)
    return () => store.holdList(false)
  }, [store, newer > 0])
  const openKey = keyOfRecall(rows, open)
  const { scroller, viewport, onScroll, scrollTo } = useScrolling(rows)
  const showNewest = (): void => {
    scrollTo(0)
    hold.release()
  }
  const { active, activate, onKeyDown } = useActiveRow({
    rows,
    viewport,
    scrollTo,
    onOpen,
    onMove: hold.holdByKey,
    onHome() {
      showNewest()
      return all.at(-1)?.key
    },
    onEscape: open === undefined ? hold.release : onClose,
  })
  useOpenRowInView(rows, openKey, viewport, scrollTo)
  useFreshness(rows)
  const { first, end } = rowWindow(viewport, rows.length)
  const rendered = rows.slice(rows.length - end, rows.length - first).toReversed()
  const px = (count: number): string => `${count * viewport.rowPx}px`
  return (
    <div class="list-frame" {...hold.pointer}>
      {newer > 0 && <NewerRows count={newer} onClick={showNewest} />}
      <div
        ref={scroller}
        class={isAdmin ? 'list' : 'list members'}
        role="grid"
        tabIndex={0}
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-activedescendant={rendered.some(({ key }) => key === active) ? rowId(active ?? 0) : undefined}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onBlur={hold.onBlur}
      >
        <ListHeader isAdmin={isAdmin} />
        <div role="rowgroup" class="rows" style={{ height: px(rows.length), paddingTop: px(first) }}>
          {rendered.map((keyed, i) => (
            <ListRow
              key={keyed.key}
              keyed={keyed}
              index={first + i + 2}
              isActive={keyed.key === active}
              isOpen={keyed.key === openKey}
              onOpen={activate}
            />
          ))}
        </div>
      </div>
      {rows.length === 0 && <p class="empty">{empty}</p>}
      {viewport.topPx > viewport.rowPx * 4 && <JumpToLatest onClick={showNewest} />}
    </div>
  )
}

/** Members do not learn who recalled. */
function ListHeader({ isAdmin }: { readonly isAdmin: boolean }) {
  const { columns } = useLocale().t
  return (
    <div role="rowgroup" class="list-header">
      <div role="row" class="row" aria-rowindex={1}>
        {COLUMNS.filter((name) => isAdmin || name !== 'operator').map((name) => (
          <div key={name} role="columnheader" class={name}>
            {columns[name]}
          </div>
        ))}
      </div>
    </div>
  )
}

interface NewerRowsProps {
  readonly count: number
  readonly onClick: () => void
}

/** Says how many rows wait above those that hold still, and shows them. */
function NewerRows({ count, onClick }: NewerRowsProps) {
  const { t } = useLocale()
  return (
    <button type="button" class="newer" title={t.find.list.newerTitle} onClick={onClick}>
      <Icon name="up" />
      {t.find.list.newer(count)}
    </button>
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
