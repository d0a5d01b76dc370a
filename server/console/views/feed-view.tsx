import { useState, useEffect, useRef } from 'preact/hooks'
import type { Store } from '../state/store.ts'
import { ListWithDetails } from './details.tsx'
import type { OpenRow } from './details.tsx'
import { Icon } from '../ui/icon.tsx'
import { useLocale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { MAX_ROWS, isEmpty } from '../state/feed.ts'
import type { Feed } from '../state/feed.ts'
import { FilterBar } from './filter-bar.tsx'

interface FeedViewProps {
  readonly store: Store
  readonly onChange: () => void
}

export function FeedView({ store, onChange }: FeedViewProps) {
  const { t } = useLocale()
  const [open, setOpen] = useState<OpenRow>()
  const { feed, isAdmin, api } = store
  if (!isAdmin) return <p class="empty">{t.feed.adminsOnly}</p>
  const onClose = (): void => setOpen(undefined)
  return (
    <ListWithDetails open={open} api={api} onClose={onClose} aria-label={t.views.feed}>
      <FilterBar feed={feed} onChange={onChange}>
        <PauseButton feed={feed} onChange={onChange} />
      </FilterBar>
      {feed.hidesGap && <HiddenGapWarning />}
      <RecallList
        rows={feed.shown}
        label={t.views.feed}
        empty={isEmpty(feed.filter) ? t.feed.empty : t.feed.emptyFilter}
        open={open?.key}
        onOpen={({ key, row }) => row.kind === 'notice' && setOpen({ key, row })}
      />
      <FeedFooter feed={feed} />
      <LiveRegion count={feed.received} />
    </ListWithDetails>
  )
}

/** Said at once, though what waits is not shown: who decides by the list must know that it is not all. */
function HiddenGapWarning() {
  const { t } = useLocale()
  return (
    <p class="gap-note hidden-gap" role="alert">
      <Icon name="warning" />
      <span>
        <strong>{t.rows.gap}</strong> {t.feed.goOnToSee}
      </span>
    </p>
  )
}

function FeedFooter({ feed }: { readonly feed: Feed }) {
  const { t } = useLocale()
  const paused = feed.hidesGap ? t.rows.gap : t.feed.paused
  return (
    <p class="list-footer">
      <span>{feed.isPaused ? paused : t.feed.shown(feed.shown.length, feed.size)}</span>
      {feed.isTrimmed && <span>{t.feed.cut(MAX_ROWS)}</span>}
    </p>
  )
}

function PauseButton({ feed, onChange }: { readonly feed: Feed; readonly onChange: () => void }) {
  const { t } = useLocale()
  const toggle = (): void => {
    if (feed.isPaused) feed.resume()
    else feed.pause()
    onChange()
  }
  return (
    <button type="button" class={feed.isPaused ? 'pause waiting' : 'pause quiet'} onClick={toggle}>
      <Icon name={feed.isPaused ? 'resume' : 'pause'} />
      {feed.isPaused ? t.feed.resume(feed.queuedRecalls) : t.feed.pause}
    </button>
  )
}

const ANNOUNCE_INTERVAL_MS = 5_000

/** Tells those who do not see the list how many recalls have come: now and then, for each by itself would never let them rest. */
function LiveRegion({ count }: { readonly count: number }) {
  const { t } = useLocale()
  const latest = useRef(count)
  const [said, setSaid] = useState({ upTo: count, more: 0 })
  latest.current = count
  useEffect(() => {
    const timer = setInterval(
      () =>
        setSaid((last) =>
          latest.current === last.upTo ? last : { upTo: latest.current, more: latest.current - last.upTo },
        ),
      ANNOUNCE_INTERVAL_MS,
    )
    return () => clearInterval(timer)
  }, [])
  return (
    <p class="visually-hidden" aria-live="polite">
      {said.more > 0 && t.feed.arrived(said.more)}
    </p>
  )
}
