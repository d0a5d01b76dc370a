import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { RoomLabel } from './room-label.tsx'
import type { WatchedRoom } from './watching.ts'

interface RoomChipsProps {
  readonly rooms: readonly WatchedRoom[]
  readonly onUnwatch: (room: Room) => void
}

export function RoomChips({ rooms, onUnwatch }: RoomChipsProps) {
  if (rooms.length === 0) return <p class="empty">None. Name a group to watch it.</p>
  return (
    <ul class="chips">
      {rooms.map(({ room, refusal }) => (
        <li key={roomName(room)} class={refusal === undefined ? 'chip' : 'chip refused'}>
          <span>
            <RoomLabel room={room} />
            {refusal !== undefined && (
              <span role="alert">
                {' '}
                refused: {refusal.code}, {refusal.message}
              </span>
            )}
          </span>
          <button type="button" aria-label={`Stop watching ${inWords(room)}`} onClick={() => onUnwatch(room)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  )
}

function inWords(room: Room): string {
  if (isFeed(room)) return 'the feed'
  return room.topic === undefined ? `group ${room.group}` : `group ${room.group} topic ${room.topic}`
}
