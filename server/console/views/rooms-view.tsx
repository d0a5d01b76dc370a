import type { TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { KINDS } from '../state/conversations.ts'
import type { Kind } from '../state/conversations.ts'
import type { Store } from '../state/store.ts'
import { clearFields, ConversationFields, conversationIn } from '../ui/conversation-fields.tsx'
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
  const [kind, setKind] = useState<Kind>('group')
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    onWatch(conversationIn(event.currentTarget))
    clearFields(event.currentTarget)
  }
  return (
    <form class="card line" onSubmit={onSubmit}>
      <ConversationFields kinds={KINDS} kind={kind} onKind={setKind} />
      <button type="submit">{t.rooms.watch}</button>
    </form>
  )
}
