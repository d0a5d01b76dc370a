import { isFeed, roomName } from '../../../shared/room.ts'
import type { Desk } from '../state/store.ts'
import { useSpeech } from '../i18n/i18n.ts'
import { RoomCard } from './room-card.tsx'
import { RoomForm } from './room-form.tsx'

export function RoomsView({ desk }: { readonly desk: Desk }) {
  const { words } = useSpeech()
  const rooms = desk.watching.rooms.filter(({ room }) => !isFeed(room))
  return (
    <div class="pad">
      <RoomForm onWatch={(room) => desk.watch(room)} />
      {rooms.length === 0 && <p class="empty">{words.rooms.empty}</p>}
      <ul class="cards" aria-label={words.rooms.title}>
        {rooms.map((watched) => (
          <RoomCard
            key={roomName(watched.room)}
            watched={watched}
            onUnwatch={() => desk.unwatch(watched.room)}
          />
        ))}
      </ul>
    </div>
  )
}
