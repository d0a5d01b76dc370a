import type { TargetedSubmitEvent } from 'preact'
import { IDENTIFIER_AT_MOST_BYTES, isIdentifier } from '../../shared/identifier.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { formText } from './form-text.ts'

const PROBLEM = `Printable text of at most ${IDENTIFIER_AT_MOST_BYTES} bytes, please.`

export function RoomForm({ onWatch }: { readonly onWatch: (room: Room) => void }) {
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const group = formText(event.currentTarget, 'group')
    const topic = formText(event.currentTarget, 'topic')
    event.currentTarget.reset()
    event.currentTarget.querySelector('input')?.focus()
    onWatch(topic === '' ? { group } : { group, topic })
  }
  return (
    <form class="room-form" onSubmit={onSubmit}>
      <label>
        Group
        <IdentifierInput name="group" required />
      </label>
      <label>
        Topic (optional)
        <IdentifierInput name="topic" />
      </label>
      <button type="submit">Watch</button>
      <button type="button" class="quiet" onClick={() => onWatch(FEED)}>
        Watch the feed
      </button>
    </form>
  )
}

function IdentifierInput({ name, required = false }: { readonly name: string; readonly required?: boolean }) {
  return (
    <input
      name={name}
      required={required}
      autocomplete="off"
      autocapitalize="none"
      spellcheck={false}
      dir="auto"
      onInput={({ currentTarget: input }) =>
        input.setCustomValidity(input.value === '' || isIdentifier(input.value) ? '' : PROBLEM)
      }
    />
  )
}
