import type { TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import type { Api } from '../state/api.ts'
import { KINDS } from '../state/conversations.ts'
import type { KeyedRow } from '../state/feed.ts'
import type { Store } from '../state/store.ts'
import { ConversationFields, roomIn } from '../ui/conversation-fields.tsx'
import type { RoomKind } from '../ui/conversation-fields.tsx'
import { fieldValue } from '../ui/form.tsx'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { useRequest } from '../ui/use-request.ts'
import { DoubtfulAnswer } from './doubtful-answer.tsx'
import { ListWithDetails } from './details.tsx'
import type { OpenRow } from './details.tsx'
import { RecalledLookup } from './recalled-lookup.tsx'

/** Past recalls: a lookup of recalled messages, however old, and a search through the logs. */
export function HistoryView({ store }: { readonly store: Store }) {
  return (
    <div class="history">
      <RecalledLookup store={store} />
      <LogSearch store={store} />
    </div>
  )
}

/** Searches a room's log, newest first. */
function LogSearch({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { api, isAdmin } = store
  const { result, error, run } = useRequest<SearchResult>()
  const [open, setOpen] = useState<OpenRow>()
  const onSearch = (room: Room, sinceMs: number): void => {
    setOpen(undefined)
    run(searchLog(api, room, sinceMs))
  }
  return (
    <ListWithDetails
      open={open}
      api={api}
      onClose={() => setOpen(undefined)}
      class="search"
      aria-labelledby="search"
    >
      <SearchForm canSearchAll={isAdmin} onSearch={onSearch} />
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      {result !== undefined && <DoubtfulAnswer store={store} readAtMs={result.readAtMs} />}
      <RecallList
        rows={result?.rows ?? []}
        label={t.history.title}
        empty={result === undefined ? t.history.prompt : t.history.noMatch}
        open={open?.key}
        onOpen={({ key, row }) => row.kind === 'notice' && setOpen({ key, row })}
      />
      {result !== undefined && (
        <SearchFooter
          result={result}
          onOlder={() => run(searchLog(api, result.room, result.sinceMs, result), result)}
        />
      )}
    </ListWithDetails>
  )
}

interface SearchFormProps {
  /** Whether the user may search all conversations together. */
  readonly canSearchAll: boolean
  readonly onSearch: (room: Room, sinceMs: number) => void
}

function SearchForm({ canSearchAll, onSearch }: SearchFormProps) {
  const { t } = useLocale()
  const kinds: readonly RoomKind[] = canSearchAll ? ['feed', ...KINDS] : KINDS
  const [kind, setKind] = useState(kinds[0] ?? 'group')
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    onSearch(roomIn(form), Date.parse(fieldValue(form, 'since')) || 0)
  }
  return (
    <form class="line tools" onSubmit={onSubmit}>
      <h2 id="search">{t.history.title}</h2>
      <ConversationFields kinds={kinds} kind={kind} onKind={setKind} />
      <label>
        {t.history.since}
        <input name="since" type="datetime-local" />
      </label>
      <button type="submit">{t.history.search}</button>
    </form>
  )
}

interface SearchFooterProps {
  readonly result: SearchResult
  readonly onOlder: () => void
}

/** The number of results, and a button that loads more. */
function SearchFooter({ result, onOlder }: SearchFooterProps) {
  const { t } = useLocale()
  return (
    <p class="list-footer">
      <span>{t.recallCount(result.rows.length)}</span>
      {result.isComplete ? (
        <span>{t.history.noOlder}</span>
      ) : (
        <button type="button" class="quiet" onClick={onOlder}>
          {t.history.older}
        </button>
      )}
    </p>
  )
}

const PAGE_SIZE = 200

/** The results of a search so far. */
interface SearchResult {
  readonly room: Room
  readonly sinceMs: number
  /** Oldest first. Keys are offsets. */
  readonly rows: readonly KeyedRow[]
  /** By the gateway's clock. */
  readonly readAtMs: number
  /** Whether nothing older matches. */
  readonly isComplete: boolean
}

/** Reads the page of a log before `previous`, back to `sinceMs` at most. Logs are in order of arrival. */
async function searchLog(
  api: Api,
  room: Room,
  sinceMs: number,
  previous?: SearchResult,
): Promise<SearchResult> {
  const before = previous?.rows[0]?.key
  const page = await api.notices(room, { limit: PAGE_SIZE, ...(before !== undefined && { before }) })
  const recent = page.notices.filter((notice) => receivedAtMs(notice) >= sinceMs)
  const rows = recent.map((notice) => ({
    key: notice.offset,
    row: { kind: 'notice', room, notice } as const,
  }))
  return {
    room,
    sinceMs,
    readAtMs: previous?.readAtMs ?? api.clock.fromViewer(Date.now()),
    rows: [...rows, ...(previous?.rows ?? [])],
    isComplete: recent.length < page.notices.length || page.older !== true,
  }
}

/** When the recall was received. Members do not learn that, so theirs is when it happened. */
const receivedAtMs = (notice: { readonly recalledAtMs: number; readonly receivedAtMs?: number }): number =>
  notice.receivedAtMs ?? notice.recalledAtMs
