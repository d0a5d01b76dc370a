import type { Store } from '../state/store.ts'
import { RecalledLookup } from './recalled-lookup.tsx'
import { useState } from 'preact/hooks'
import type { Room } from '../../../shared/room.ts'
import type { Api } from '../state/api.ts'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { useLocale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { ListWithDetails } from './details.tsx'
import type { OpenRow } from './details.tsx'
import { useRequest } from '../ui/use-request.ts'
import type { TargetedSubmitEvent } from 'preact'
import { FEED } from '../../../shared/room.ts'
import { fieldValue, IdentifierInput } from '../ui/form.tsx'
import type { KeyedRow } from '../state/feed.ts'

/** What is kept: the logs of rooms, and which messages are recalled, whenever that was. */
export function HistoryView({ store: { api, isAdmin } }: { readonly store: Store }) {
  return (
    <div class="history">
      <RecalledLookup api={api} />
      <LogSearch api={api} canSearchAll={isAdmin} />
    </div>
  )
}

interface LogSearchProps {
  readonly api: Api
  /** Whether all groups may be searched at once. */
  readonly canSearchAll: boolean
}

/** Searches the log of a room backwards. */
function LogSearch({ api, canSearchAll }: LogSearchProps) {
  const { t } = useLocale()
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
      <SearchForm canSearchAll={canSearchAll} onSearch={onSearch} />
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      <RecallList
        rows={result?.rows ?? []}
        label={t.history.title}
        empty={result === undefined ? t.history.begin : t.history.empty}
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

interface SearchFootProps {
  readonly result: SearchResult
  readonly onOlder: () => void
}

/** How much was found, and how to get to the rest. */
function SearchFooter({ result, onOlder }: SearchFootProps) {
  const { t } = useLocale()
  return (
    <p class="list-footer">
      <span>{t.recalls(result.rows.length)}</span>
      {result.isComplete ? (
        <span>{t.history.end}</span>
      ) : (
        <button type="button" class="quiet" onClick={onOlder}>
          {t.history.older}
        </button>
      )}
    </p>
  )
}

interface SearchFormProps {
  /** Whether all groups may be searched at once. */
  readonly canSearchAll: boolean
  readonly onSearch: (room: Room, sinceMs: number) => void
}

function SearchForm({ canSearchAll, onSearch }: SearchFormProps) {
  const { t } = useLocale()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    onSearch(roomOf(form), Date.parse(fieldValue(form, 'since')) || 0)
  }
  return (
    <form class="line tools" onSubmit={onSubmit}>
      <h2 id="search">{t.history.title}</h2>
      <IdentifierInput
        name="group"
        label={t.rooms.group}
        required={!canSearchAll}
        {...(canSearchAll && { placeholder: t.history.allGroups })}
      />
      <IdentifierInput name="topic" label={t.rooms.topic} />
      <label>
        {t.history.since}
        <input name="since" type="datetime-local" />
      </label>
      <button type="submit">{t.history.search}</button>
    </form>
  )
}

/** Without a group, all of them. */
function roomOf(form: HTMLFormElement): Room {
  const [group, topic] = [fieldValue(form, 'group'), fieldValue(form, 'topic')]
  if (group === '') return FEED
  return topic === '' ? { group } : { group, topic }
}

const PAGE_SIZE = 200

/** What a search has found so far. */
interface SearchResult {
  readonly room: Room
  readonly sinceMs: number
  /** The oldest first, with their offsets as keys. */
  readonly rows: readonly KeyedRow[]
  /** Whether nothing older matches. */
  readonly isComplete: boolean
}

/** Reads a log backwards, page by page, until the time since when it was asked for. A log stands in order of arrival. */
async function searchLog(
  api: Api,
  room: Room,
  sinceMs: number,
  previous?: SearchResult,
): Promise<SearchResult> {
  const before = previous?.rows[0]?.key
  const page = await api.notices(room, { limit: PAGE_SIZE, ...(before !== undefined && { before }) })
  const young = page.notices.filter((notice) => timeOf(notice) >= sinceMs)
  const rows = young.map((notice) => ({
    key: notice.offset,
    row: { kind: 'notice', room, notice } as const,
  }))
  return {
    room,
    sinceMs,
    rows: [...rows, ...(previous?.rows ?? [])],
    isComplete: young.length < page.notices.length || page.older !== true,
  }
}

/** Members are not told when a recall was received. */
const timeOf = (notice: { readonly recalledAtMs: number; readonly receivedAtMs?: number }): number =>
  notice.receivedAtMs ?? notice.recalledAtMs
