import type { Conversation } from '../../../shared/conversation.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { peopleIn } from '../state/filter-text.ts'
import { visibleText } from '../state/visible-text.ts'
import { Name } from '../ui/name.tsx'
import { useStore } from '../ui/store-context.ts'

interface UserPresenceLinkProps {
  readonly userId: string
  /** Whether it shows the name, too: beside that of another user it would not say whom it asks about. */
  readonly isNamed?: boolean
}

/** Leads from the name of a user to where they are connected. */
export function UserPresenceLink({ userId, isNamed = false }: UserPresenceLinkProps) {
  const { t } = useLocale()
  const label = visibleText(userId) + t.signals.colon + t.presence.ask
  return (
    <a
      class="screen-only"
      href={address.hrefOf('access', { user: userId })}
      title={t.presence.askUser}
      aria-label={label}
    >
      {isNamed ? label : t.presence.ask}
    </a>
  )
}

/** Leads to who is in a room. Members are not told. */
export function RoomPresenceLink({ room }: { readonly room: Conversation }) {
  const { t } = useLocale()
  if (!useStore().isAdmin) return null
  return <a href={address.hrefOf('access', { room })}>{t.presence.askRoom}</a>
}

/** Leads from a search for recalls of somebody to where they are connected. */
export function SearchedPeople({ q }: { readonly q: string }) {
  if (!useStore().isAdmin) return null
  return (
    <>
      {peopleIn(q).map((userId) => (
        <span key={userId}>
          <Name text={userId} /> <UserPresenceLink userId={userId} />{' '}
        </span>
      ))}
    </>
  )
}
