import type { Conversation } from '../../../shared/conversation.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { kindOf } from '../state/conversations.ts'
import { Name } from './name.tsx'

/** The two of a one-to-one conversation. */
export function Pair({ c2c }: { readonly c2c: readonly [string, string] }) {
  const { t } = useLocale()
  return (
    <span class="pair">
      <Name text={c2c[0]} /> <small>{t.rooms.and}</small> <Name text={c2c[1]} />
    </span>
  )
}

/** A conversation by its name, without its topic. What is no group says what it is. */
export function ConversationName({ conversation }: { readonly conversation: Conversation }) {
  const { t } = useLocale()
  const { group, c2c, official } = conversation
  if (group !== undefined) return <Name text={group} />
  return (
    <>
      <span class="kind">{t.kindMarks[kindOf(conversation)]}</span>
      {c2c === undefined ? <Name text={official ?? ''} /> : <Pair c2c={c2c} />}
    </>
  )
}

/** A room in words. */
export function RoomLabel({ room }: { readonly room: Room }) {
  const { t } = useLocale()
  if (isFeed(room)) return <>{t.rooms.feed}</>
  const { group, topic, c2c, official } = room
  return (
    <>
      {t.kinds[kindOf(room)]}{' '}
      {c2c === undefined ? <Name text={group ?? official ?? ''} /> : <Pair c2c={c2c} />}
      {topic !== undefined && (
        <>
          {' · '}
          {t.rooms.topicPrefix} <Name text={topic} />
        </>
      )}
    </>
  )
}
