import { useState } from 'preact/hooks'
import type { Room } from '../../../shared/room.ts'
import type { Api } from '../state/api.ts'
import { asRefusal, Failure } from '../ui/failure.tsx'
import { useSpeech } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { WithDetails } from './with-details.tsx'
import type { OpenRow } from './with-details.tsx'
import { useAnswer } from '../ui/use-request.ts'
import { readBack } from './read-back.ts'
import type { Found } from './read-back.ts'
import { SearchForm } from './search-form.tsx'

interface LogSearchProps {
  readonly api: Api
  /** Whether all groups may be searched at once. */
  readonly mayFeed: boolean
}

/** Searches the log of a room backwards. */
export function LogSearch({ api, mayFeed }: LogSearchProps) {
  const { words } = useSpeech()
  const { answer: found, error, ask } = useAnswer<Found>()
  const [open, setOpen] = useState<OpenRow>()
  const onSearch = (room: Room, sinceMs: number): void => {
    setOpen(undefined)
    ask(readBack(api, room, sinceMs))
  }
  return (
    <WithDetails
      open={open}
      api={api}
      onClose={() => setOpen(undefined)}
      class="search"
      aria-labelledby="search"
    >
      <SearchForm mayFeed={mayFeed} onSearch={onSearch} />
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      <RecallList
        rows={found?.rows ?? []}
        label={words.history.title}
        empty={found === undefined ? words.history.begin : words.history.empty}
        open={open?.key}
        onOpen={({ key, row }) => row.kind === 'notice' && setOpen({ key, row })}
      />
      {found !== undefined && (
        <SearchFoot
          found={found}
          onOlder={() => ask(readBack(api, found.room, found.sinceMs, found), found)}
        />
      )}
    </WithDetails>
  )
}

interface SearchFootProps {
  readonly found: Found
  readonly onOlder: () => void
}

/** How much was found, and how to get to the rest. */
function SearchFoot({ found, onOlder }: SearchFootProps) {
  const { words } = useSpeech()
  return (
    <p class="list-foot">
      <span>{words.recalls(found.rows.length)}</span>
      {found.isAll ? (
        <span>{words.history.end}</span>
      ) : (
        <button type="button" class="quiet" onClick={onOlder}>
          {words.history.older}
        </button>
      )}
    </p>
  )
}
