import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useSpeech } from '../i18n/i18n.ts'

/** Names come from outside: `bdi` keeps right-to-left text from turning around what stands beside it. */
export function RoomLabel({ room }: { readonly room: Room }) {
  const { words } = useSpeech()
  if (isFeed(room)) return <>{words.rooms.feed}</>
  return (
    <>
      {words.rooms.inGroup} <bdi>{room.group}</bdi>
      {room.topic !== undefined && (
        <>
          {' · '}
          {words.rooms.inTopic} <bdi>{room.topic}</bdi>
        </>
      )}
    </>
  )
}
