import type { TargetedSubmitEvent } from 'preact'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Store } from '../state/store.ts'
import { fieldValue, IdentifierInput } from '../ui/form.tsx'
import { RoomCard } from './room-card.tsx'

export function RoomsView({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const rooms = store.watchedRooms.rooms.filter(({ room }) => !isFeed(room))
  return (
    <div class="pad">
      <RoomForm onWatch={(room) => store.watch(room)} />
      {rooms.length === 0 && <p class="empty">{t.rooms.empty}</p>}
      <ul class="cards" aria-label={t.rooms.title}>
        {rooms.map((watched) => (
          <RoomCard
            key={roomName(watched.room)}
            watched={watched}
            onUnwatch={() => store.unwatch(watched.room)}
          />
        ))}
      </ul>
    </div>
  )
}

function RoomForm({ onWatch }: { readonly onWatch: (room: Room) => void }) {
  const { t } = useLocale()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const group = fieldValue(event.currentTarget, 'group')
    const topic = fieldValue(event.currentTarget, 'topic')
    event.currentTarget.reset()
    event.currentTarget.querySelector('input')?.focus()
    onWatch(topic === '' ? { group } : { group, topic })
  }
  return (
    <form class="card line" onSubmit={onSubmit}>
      <IdentifierInput name="group" label={t.rooms.group} required />
      <IdentifierInput name="topic" label={t.rooms.topic} />
      <button type="submit">{t.rooms.watch}</button>
    </form>
  )
}
