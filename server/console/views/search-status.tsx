import { parseFilter } from '../../../shared/filter.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { MAX_ROWS } from '../state/feed.ts'
import { contradictionIn, ownLogFilters } from '../state/filter-text.ts'
import type { Search } from '../state/search.ts'
import { refusalText } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { SearchedPeople } from './presence-links.tsx'

interface SearchStatusProps {
  readonly search: Search
  /** How many recalls the list shows. */
  readonly found: number
  /** Searches again: of a list that does not go on by itself. */
  readonly onAgain?: () => void
}

/** How far back a search has come, what it found, and how it goes on: the list alone would not say what was never looked at. */
export function SearchStatus({ search, found, onAgain }: SearchStatusProps) {
  const locale = useLocale()
  const { t } = locale
  const { status } = t.find
  const { state, unreadable } = search
  const isOver = state === 'done' || state === 'full'
  return (
    <span class="search-status" role="status">
      <span>{found > 0 && status.found(found)}</span> <span>{searchedText(locale, search)}</span>{' '}
      {unreadable > 0 && <span>{status.unreadable(unreadable)} </span>}
      {state === 'done' && !search.isWhole && <OwnLogs q={search.q} />}
      <SearchedPeople q={search.q} />
      {onAgain !== undefined && isOver && (
        <>
          <span>{status.asOf(timeText(locale, search.readAtMs))}</span>{' '}
          <button type="button" class="quiet" onClick={onAgain}>
            {status.again}
          </button>
        </>
      )}
      {(state === 'more' || state === 'failed') && (
        <button type="button" class="quiet" onClick={() => search.resume()}>
          {state === 'more' ? status.searchOn : t.signals.tryNow}
        </button>
      )}
    </span>
  )
}

/** Leads from words that may be names of groups to the logs of these groups. */
function OwnLogs({ q }: { readonly q: string }) {
  return (
    <>
      {ownLogFilters(q).map((one) => (
        <button
          key={one.group}
          type="button"
          class="quiet"
          onClick={() => address.set({ q: one.q, open: undefined }, 'push')}
        >
          <Name text={`group:${one.group}`} />
        </button>
      ))}{' '}
    </>
  )
}

/** What an empty list says of a search: never that there is nothing before everything was searched. */
export function noneText({ t }: Locale, q: string, search: Search | undefined): string {
  const { status, search: texts } = t.find
  const parsed = parseFilter(q)
  if (!parsed.ok) return texts.unreadable
  if (contradictionIn(parsed.filter) !== undefined) return texts.impossible
  if (search === undefined || search.state === 'searching') return status.noneSoFar
  if (search.state !== 'done') return status.noneYet
  if (search.unreadable > 0) return status.noneReadable
  return search.isWhole ? status.none : status.noneInFeed
}

function searchedText(locale: Locale, search: Search): string {
  const { status } = locale.t.find
  const at = (atMs: number): string => timeText(locale, atMs)
  const { state, entries, backToMs, keptSinceMs, failure } = search
  const reached = backToMs === undefined ? '' : status.backTo(at(backToMs), entries)
  switch (state) {
    case 'searching':
      return reached === '' ? status.searching : status.searchingOn(reached)
    case 'more':
      return status.sentence(reached)
    case 'full':
      return status.full(MAX_ROWS, reached)
    case 'done':
      if (entries === 0) return status.nothingKept
      return (search.isWhole ? status.all : status.allOfFeed)(
        keptSinceMs === undefined ? undefined : at(keptSinceMs),
      )
    case 'failed':
      return status.failed(reached, failure === undefined ? '' : refusalText(locale.t, failure))
  }
}

const timeText = ({ isToday, date, timeOfDay }: Locale, atMs: number): string =>
  isToday(atMs) ? timeOfDay(atMs) : `${date(atMs)}, ${timeOfDay(atMs)}`
