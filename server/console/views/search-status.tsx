import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import { MAX_ROWS } from '../state/feed.ts'
import type { Search } from '../state/search.ts'
import { refusalText } from '../ui/labels.tsx'

interface SearchStatusProps {
  readonly search: Search
  /** How many recalls the list shows. */
  readonly found: number
}

/** How far back a search has come, what it found, and how it goes on: the list alone would not say what was never looked at. */
export function SearchStatus({ search, found }: SearchStatusProps) {
  const locale = useLocale()
  const { t } = locale
  return (
    <span class="search-status" role="status">
      <span>{found > 0 && t.find.status.found(found)}</span> <span>{searchedText(locale, search)}</span>{' '}
      {(search.state === 'more' || search.state === 'failed') && (
        <button type="button" class="quiet" onClick={() => search.resume()}>
          {search.state === 'more' ? t.find.status.searchOn : t.signals.tryNow}
        </button>
      )}
    </span>
  )
}

/** What an empty list says: never that there is nothing before everything was searched. */
export function noneText({ t }: Locale, search: Search | undefined): string {
  if (search === undefined || search.state === 'searching') return t.find.status.noneSoFar
  return search.state === 'done' ? t.find.status.none : t.find.status.noneYet
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
      return keptSinceMs === undefined ? status.nothingKept : status.all(at(keptSinceMs))
    case 'failed':
      return status.failed(reached, failure === undefined ? '' : refusalText(locale.t, failure))
  }
}

const timeText = ({ isToday, date, timeOfDay }: Locale, atMs: number): string =>
  isToday(atMs) ? timeOfDay(atMs) : `${date(atMs)}, ${timeOfDay(atMs)}`
