import { useEffect, useRef, useState } from 'preact/hooks'
import type { Messages } from '../i18n/en.ts'
import { useLocale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { isEmpty, MAX_ROWS } from '../state/feed.ts'
import type { Feed } from '../state/feed.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { ListWithDetails } from './details.tsx'
import type { OpenRow } from './details.tsx'
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
        empty={emptyText(t, store)}
        open={open?.key}
        onOpen={({ key, row }) => row.kind === 'notice' && setOpen({ key, row })}
      />
      <FeedFooter feed={feed} />
      <LiveRegion count={feed.received} />
    </ListWithDetails>
  )
}

/** Promises that recalls appear only if they do. */
function emptyText({ feed: texts }: Messages, { feed, shown }: Store): string {
  if (!isEmpty(feed.filter)) return texts.noMatch
  return shown.kind === 'live' ? texts.empty : texts.emptyNotLive
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

/** Warns immediately of a gap among queued rows: anyone who relies on the list must know that it is incomplete. */
function HiddenGapWarning() {
  const { t } = useLocale()
  return (
    <p class="gap-note hidden-gap" role="alert">
      <Icon name="warning" />
      <span>
        <strong>{t.events.gap}</strong> {t.feed.resumeToSee}
      </span>
    </p>
  )
}

function FeedFooter({ feed }: { readonly feed: Feed }) {
  const { t } = useLocale()
  const pausedText = feed.hidesGap ? t.events.gap : t.feed.paused(MAX_ROWS)
  return (
    <p class="list-footer">
      <span>{feed.isPaused ? pausedText : t.feed.count(feed.recalls.shown, feed.recalls.all)}</span>
      {feed.isTrimmed && <span>{t.feed.trimmed(MAX_ROWS)}</span>}
    </p>
  )
}

const ANNOUNCE_INTERVAL_MS = 5_000

/** Announces the number of new rows to screen readers periodically: announcing each row would keep them talking. */
function LiveRegion({ count }: { readonly count: number }) {
  const { t } = useLocale()
  const latest = useRef(count)
  const [announced, setAnnounced] = useState({ upTo: count, more: 0 })
  latest.current = count
  useEffect(() => {
    const timer = setInterval(
      () =>
        setAnnounced((last) =>
          latest.current === last.upTo ? last : { upTo: latest.current, more: latest.current - last.upTo },
        ),
      ANNOUNCE_INTERVAL_MS,
    )
    return () => clearInterval(timer)
  }, [])
  return (
    <p class="visually-hidden" aria-live="polite">
      {announced.more > 0 && t.feed.newRows(announced.more)}
    </p>
  )
}
