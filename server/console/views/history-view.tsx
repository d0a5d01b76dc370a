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
  const search = useSearch(api, q, true)
  const rows = search?.hits.toReversed() ?? []
  const { open, failure, onOpen, onClose } = useOpenRecall(api, rows)
  return (
    <ListWithDetails open={open} api={api} onClose={onClose} class="search" aria-labelledby="search">
      <div class="tools">
        <h2 id="search">{t.history.title}</h2>
        <SearchBox placeholder={t.find.search.inLogs} />
        <Shortcuts />
        <ExportButton api={api} q={q} />
        <EvidenceMenu q={q} />
        <SearchError q={q} />
      </div>
      {search !== undefined && <DoubtfulAnswer store={store} readAtMs={search.readAtMs} />}
      <OpenFailure failure={failure} onClose={onClose} />
      <RecallList
        rows={rows}
        label={t.history.title}
        empty={noneText(locale, search)}
        open={open?.key}
        onOpen={onOpen}
        onClose={onClose}
        subject={q}
      />
      {search !== undefined && (
        <p class="list-footer">
          <SearchStatus search={search} found={rows.length} />
        </p>
      )}
    </ListWithDetails>
  )
}
