import type { TargetedSubmitEvent } from 'preact'
import { FEED } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { formText } from '../ui/form-text.ts'
import { IdentifierInput } from '../ui/identifier-input.tsx'
import { useSpeech } from '../i18n/i18n.ts'

interface SearchFormProps {
  /** Whether all groups may be searched at once. */
  readonly mayFeed: boolean
  readonly onSearch: (room: Room, sinceMs: number) => void
}

export function SearchForm({ mayFeed, onSearch }: SearchFormProps) {
  const { words } = useSpeech()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    onSearch(roomIn(form), Date.parse(formText(form, 'since')) || 0)
  }
  return (
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
  )
}

/** Without a group, all of them. */
function roomIn(form: HTMLFormElement): Room {
  const [group, topic] = [formText(form, 'group'), formText(form, 'topic')]
  if (group === '') return FEED
  return topic === '' ? { group } : { group, topic }
}
