import { useEffect, useState } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { address } from '../state/address.ts'
import type { Store } from '../state/store.ts'
import { Shortcuts } from '../ui/shortcuts.tsx'
import { ListWithDetails } from './details.tsx'
import { DoubtfulAnswer } from './doubtful-answer.tsx'
import { EvidenceMenu } from './evidence.tsx'
import { ExportButton } from './export-button.tsx'
import { LogReader } from './log-reader.tsx'
import { OpenFailure } from './open-failure.tsx'
import { RecalledLookup } from './recalled-lookup.tsx'
import { SearchBox, SearchError } from './search-box.tsx'
import { noneText, SearchStatus } from './search-status.tsx'
import { useOpenRecall } from './use-open-recall.ts'
import { useSearch } from './use-search.ts'

/** Past recalls: a lookup of recalled messages, however old, and a search through the logs; members read one log at a time. */
export function HistoryView({ store }: { readonly store: Store }) {
  useEffect(() => {
    void store.known.read(store.identity)
  }, [store.identity])
  return (
    <div class="history">
      <RecalledLookup store={store} />
      {store.isAdmin ? <LogSearch store={store} /> : <LogReader store={store} />}
    </div>
  )
}

/** Searches the logs, newest first. */
function LogSearch({ store }: { readonly store: Store }) {
  const locale = useLocale()
  const { t } = locale
  const { api } = store
  const q = address.parts.q ?? ''
  const [searches, setSearches] = useState(0)
  const search = useSearch(api, q, true, searches)
  const rows = search?.hits.toReversed() ?? []
  const { open, failure, onOpen, onClose, onRetry } = useOpenRecall(api, rows)
  return (
    <ListWithDetails open={open} api={api} onClose={onClose} class="search" aria-labelledby="search">
      <div class="tools">
        <h2 id="search">{t.history.title}</h2>
        <SearchBox placeholder={t.find.search.inLogs} />
        <Shortcuts />
        <ExportButton q={q} />
        <EvidenceMenu room={search?.room} q={q} />
        <SearchError q={q} />
      </div>
      <div class="list-notes">
        {search !== undefined && <DoubtfulAnswer store={store} readAtMs={search.readAtMs} />}
        <OpenFailure failure={failure} onRetry={onRetry} onClose={onClose} />
      </div>
      <RecallList
        rows={rows}
        label={t.history.title}
        empty={noneText(locale, q, search)}
        open={open}
        onOpen={onOpen}
        onClose={onClose}
        subject={q}
      />
      {search !== undefined && (
        <p class="list-footer">
          <SearchStatus search={search} found={rows.length} onAgain={() => setSearches(searches + 1)} />
        </p>
      )}
    </ListWithDetails>
  )
}
