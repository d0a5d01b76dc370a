import type { TargetedSubmitEvent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Conversation } from '../../../shared/conversation.ts'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { KINDS } from '../state/conversations.ts'
import type { Kind } from '../state/conversations.ts'
import type { KnownRooms } from '../state/known-rooms.ts'
import type { Store } from '../state/store.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { clearFields, ConversationFields, conversationIn } from '../ui/conversation-fields.tsx'
import { RoomCard } from './room-card.tsx'
import { RoomTail } from './room-tail.tsx'

/** The rooms that are watched, or all rows of the one that the address names. */
export function RoomsView({ store }: { readonly store: Store }) {
  const { room } = address.parts
  return room === undefined || isFeed(room) ? (
    <AllRooms store={store} />
  ) : (
    <RoomTail key={roomName(room)} store={store} room={room} />
  )
}

function AllRooms({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const rooms = store.watchedRooms.rooms.filter(({ room }) => !isFeed(room))
  const { known } = store
  useEffect(() => {
    void known.read(store.identity)
  }, [store.identity])
  const watched = new Set(rooms.map(({ room }) => roomName(room)))
  const others = known.rooms.filter((room) => !watched.has(roomName(room)))
  return (
    <div class="pad">
      <RoomForm known={known} onWatch={(room) => store.watch(room)} />
      <Suggestions
        label={store.isAdmin ? t.act.rooms.busiest : t.act.rooms.yours}
        rooms={others}
        onWatch={(room) => store.watch(room)}
      />
      {rooms.length === 0 && <p class="empty">{t.rooms.empty}</p>}
      <ul class="cards" aria-label={t.rooms.title}>
        {rooms.map((one) => (
          <RoomCard key={roomName(one.room)} watched={one} onUnwatch={() => store.unwatch(one.room)} />
        ))}
      </ul>
    </div>
  )
}

interface SuggestionsProps {
  readonly label: string
  readonly rooms: readonly Conversation[]
  readonly onWatch: (room: Room) => void
}

/** Rooms that one click watches: for members those of their token, for admins the busiest groups. */
function Suggestions({ label, rooms, onWatch }: SuggestionsProps) {
  const { t } = useLocale()
  if (rooms.length === 0) return null
  return (
    <section class="suggestions" aria-label={label}>
      <h2>{label}</h2>
      <ul>
        {rooms.map((room) => (
          <li key={roomName(room)}>
            <button type="button" class="quiet small" title={t.rooms.watch} onClick={() => onWatch(room)}>
              <RoomLabel room={room} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

interface RoomFormProps {
  readonly known: KnownRooms
  readonly onWatch: (room: Room) => void
}

function RoomForm({ known, onWatch }: RoomFormProps) {
  const { t } = useLocale()
  const [kind, setKind] = useState<Kind>('group')
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    onWatch(conversationIn(event.currentTarget))
    clearFields(event.currentTarget)
  }
  return (
    <form class="card line" onSubmit={onSubmit}>
      <ConversationFields kinds={KINDS} kind={kind} onKind={setKind} known={known} />
      <button type="submit">{t.rooms.watch}</button>
    </form>
  )
}
