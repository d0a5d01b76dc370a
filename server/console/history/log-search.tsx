import type { TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import { FEED } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Api } from '../api.ts'
import { Details } from '../details/details.tsx'
import { asRefusal, Failure } from '../failure.tsx'
import { formText } from '../form-text.ts'
import { IdentifierInput } from '../identifier-input.tsx'
import { useSpeech } from '../language.ts'
import { RecallList } from '../list/recall-list.tsx'
import type { NoticeRow } from '../list/row.ts'
import { readBack } from './read-back.ts'
import type { Found } from './read-back.ts'

interface LogSearchProps {
  readonly api: Api
  /** Whether all groups may be searched at once. */
  readonly mayFeed: boolean
}

/** Searches the log of a room backwards. */
export function LogSearch({ api, mayFeed }: LogSearchProps) {
  const { words } = useSpeech()
  const [found, setFound] = useState<Found>()
  const [error, setError] = useState<unknown>()
  const [open, setOpen] = useState<{ readonly key: number; readonly row: NoticeRow }>()
  const search = (room: Room, sinceMs: number, before?: Found): void => {
    setError(undefined)
    readBack(api, room, sinceMs, before).then(setFound, setError)
  }
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    setFound(undefined)
    setOpen(undefined)
    search(roomIn(form), Date.parse(formText(form, 'since')) || 0)
  }
  return (
    <section
      class={open === undefined ? 'search with-details' : 'search with-details opened'}
      aria-labelledby="search"
    >
      <div class="list-side">
        <form class="line tools" onSubmit={onSubmit}>
          <h2 id="search">{words.history.title}</h2>
          <IdentifierInput
            name="group"
            label={words.rooms.group}
            required={!mayFeed}
            {...(mayFeed && { placeholder: words.history.allGroups })}
          />
          <IdentifierInput name="topic" label={words.rooms.topic} />
          <label>
            {words.history.since}
            <input name="since" type="datetime-local" />
          </label>
          <button type="submit">{words.history.search}</button>
        </form>
        {error !== undefined && <Failure refusal={asRefusal(error)} />}
        <RecallList
          rows={found?.rows ?? []}
          label={words.history.title}
          empty={found === undefined ? words.history.begin : words.history.empty}
          open={open?.key}
          onOpen={({ key, row }) => row.kind === 'notice' && setOpen({ key, row })}
        />
        {found !== undefined && (
          <p class="list-foot">
            <span>{words.recalls(found.rows.length)}</span>
            {found.isAll ? (
              <span>{words.history.end}</span>
            ) : (
              <button type="button" class="quiet" onClick={() => search(found.room, found.sinceMs, found)}>
                {words.history.older}
              </button>
            )}
          </p>
        )}
      </div>
      {open !== undefined && (
        <Details key={open.key} row={open.row} api={api} onClose={() => setOpen(undefined)} />
      )}
    </section>
  )
}

/** Without a group, all of them. */
function roomIn(form: HTMLFormElement): Room {
  const [group, topic] = [formText(form, 'group'), formText(form, 'topic')]
  if (group === '') return FEED
  return topic === '' ? { group } : { group, topic }
}
