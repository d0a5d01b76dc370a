import type { TargetedSubmitEvent } from 'preact'
import type { Room } from '../../../shared/room.ts'
import { formText } from '../ui/form-text.ts'
import { IdentifierInput } from '../ui/identifier-input.tsx'
import { useSpeech } from '../i18n/i18n.ts'

export function RoomForm({ onWatch }: { readonly onWatch: (room: Room) => void }) {
  const { words } = useSpeech()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const group = formText(event.currentTarget, 'group')
    const topic = formText(event.currentTarget, 'topic')
    event.currentTarget.reset()
    event.currentTarget.querySelector('input')?.focus()
    onWatch(topic === '' ? { group } : { group, topic })
  }
  return (
    <form class="card line" onSubmit={onSubmit}>
      <IdentifierInput name="group" label={words.rooms.group} required />
      <IdentifierInput name="topic" label={words.rooms.topic} />
      <button type="submit">{words.rooms.watch}</button>
    </form>
  )
}
