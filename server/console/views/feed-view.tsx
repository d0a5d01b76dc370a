import { useEffect, useRef, useState } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { address } from '../state/address.ts'
import { MAX_ROWS } from '../state/feed.ts'
import type { Feed, KeyedRow } from '../state/feed.ts'
import type { Search } from '../state/search.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { Shortcuts } from '../ui/shortcuts.tsx'
import { Busiest } from './busiest.tsx'
import { ListWithDetails } from './details.tsx'
import { EvidenceMenu } from './evidence.tsx'
import { ExportButton } from './export-button.tsx'
import { OpenFailure } from './open-failure.tsx'
import { SearchBox, SearchError } from './search-box.tsx'
import { noneText, SearchStatus } from './search-status.tsx'
import { useOpenRecall } from './use-open-recall.ts'
import { useSearch } from './use-search.ts'

interface FeedViewProps {
  readonly store: Store
  readonly onChange: () => void
}

export function FeedView({ store, onChange }: FeedViewProps) {
  const { t } = useLocale()
  if (!store.isAdmin) return <p class="empty">{t.feed.adminsOnly}</p>
  return <AdminFeed store={store} onChange={onChange} />
}

function AdminFeed({ store, onChange }: FeedViewProps) {
  const locale = useLocale()
  const { t } = locale
  const { feed, api } = store
  const q = address.parts.q ?? ''
  feed.setSearch(q)
  const search = useSearch(api, q, feed.isFiltered, feed.holes)
  const older = olderHits(feed, search)
  const rows = older.length === 0 ? feed.shown : [...older, ...feed.shown]
  const { open, failure, onOpen, onClose, onRetry } = useOpenRecall(api, rows)
  return (
    <ListWithDetails open={open} api={api} onClose={onClose} aria-label={t.views.feed}>
      <div class="tools">
        <SearchBox placeholder={t.find.search.inFeed} />
        <Shortcuts />
        <ExportButton q={q} />
        <EvidenceMenu room={search?.room} q={q} />
        <Busiest api={api} q={q} />
        <PauseButton feed={feed} onChange={onChange} />
        <SearchError q={q} />
      </div>
      <div class="list-notes">
        {feed.hidesGap && <HiddenGapWarning />}
        <OpenFailure failure={failure} onRetry={onRetry} onClose={onClose} />
      </div>
      <RecallList
        rows={rows}
        label={t.views.feed}
        empty={emptyText(locale, store, q, search)}
        open={open}
        onOpen={onOpen}
        onClose={onClose}
        // What the search finds before the feed is loaded is in both then: it must not count as new.
        subject={`${feed.received > 0 ? 'loaded' : 'loading'} ${q}`}
      />
      <FeedFooter
        store={store}
        search={search}
        found={feed.recalls.shown + feed.shownBeyond + older.length}
      />
      <LiveRegion count={feed.received} />
    </ListWithDetails>
  )
}

/** What the search has found in the logs beyond the rows of the feed, oldest first. */
function olderHits(feed: Feed, search: Search | undefined): readonly KeyedRow[] {
  return search?.hits.filter((hit) => !feed.holds(hit)).toReversed() ?? []
}

/** Promises that recalls appear only if they do, and says that there are none only if all were looked at. */
function emptyText(locale: Locale, { feed, shown }: Store, q: string, search: Search | undefined): string {
  const { feed: texts, find } = locale.t
  if (feed.isFiltered && feed.queuedMatches > 0) return find.status.waiting(feed.queuedMatches)
  if (feed.isFiltered) return noneText(locale, q, search)
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

interface FeedFooterProps {
  readonly store: Store
  readonly search: Search | undefined
  /** How many recalls the list shows. */
  readonly found: number
}

function FeedFooter({ store: { feed, watchedRooms }, search, found }: FeedFooterProps) {
  const { t } = useLocale()
  const { all, shown } = feed.recalls
  const hasOlder = feed.isTrimmed || watchedRooms.hasOlderFeed
  const loaded = hasOlder ? t.find.feed.latest : t.find.feed.all
  return (
    <p class="list-footer">
      {feed.isPaused && <span>{feed.hidesGap ? t.events.gap : t.feed.paused(MAX_ROWS)}</span>}
      {!feed.isFiltered && <span>{loaded(all)}</span>}
      {feed.isFiltered && <span>{t.find.feed.matching(shown, loaded(all))}</span>}
      {feed.isFiltered && feed.queuedMatches > 0 && <span>{t.find.status.waiting(feed.queuedMatches)}</span>}
      {search !== undefined && <SearchStatus search={search} found={found} />}
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
