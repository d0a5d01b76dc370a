import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

/** Names come from outside: `bdi` keeps right-to-left text from turning around what stands beside it. */
export function RoomLabel({ room }: { readonly room: Room }) {
  if (isFeed(room)) return <>the feed</>
  return (
    <>
      group <bdi>{room.group}</bdi>
      {room.topic !== undefined && (
        <>
          {' '}
          topic <bdi>{room.topic}</bdi>
        </>
      )}
    </>
  )
}
