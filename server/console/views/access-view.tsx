import { useEffect } from 'preact/hooks'
import type { ListedRevocation } from '../../../shared/http-api/revocations.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Access } from '../state/access.ts'
import type { Store } from '../state/store.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { Failure, Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { AuditList } from './audit-list.tsx'
import { PresenceCard } from './presence-card.tsx'

/** Who is connected; who is taken out, until when and by whom; and what admins did. */
export function AccessView({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { access, isAdmin } = store
  useEffect(() => {
    if (isAdmin) void access.read()
  }, [isAdmin])
  if (!isAdmin) return <p class="empty">{t.moderation.adminsOnly}</p>
  return (
    <div class="pad access">
      <PresenceCard api={store.api} />
      <TakenOut access={access} />
      <AuditList access={access} />
    </div>
  )
}

function TakenOut({ access }: { readonly access: Access }) {
  const { t } = useLocale()
  const { revocations, failure, readAtMs, isReading } = access
  return (
    <section class="card taken-out" aria-labelledby="taken-out">
      <header>
        <h2 id="taken-out">{t.moderation.takenOut}</h2>
        <small>
          {readAtMs !== undefined && (
            <>
              {t.moderation.readAt} <Timestamp atMs={readAtMs} />
            </>
          )}
        </small>
        <button type="button" class="quiet small" disabled={isReading} onClick={() => void access.read()}>
          {t.moderation.refresh}
        </button>
      </header>
      {failure !== undefined && <Failure refusal={failure} />}
      <Outcome access={access} />
      {revocations === undefined && failure === undefined && <p class="hint">{t.loading}</p>}
      {revocations?.length === 0 && <p class="hint">{t.moderation.none}</p>}
      <ul>
        {revocations?.map((revocation) => (
          <RevocationItem
            key={JSON.stringify([revocation.userId, revocation.conversation])}
            revocation={revocation}
            onGiveBack={() => void access.giveBack(revocation)}
          />
        ))}
      </ul>
      {access.omitted > 0 && <p class="hint">{t.moderation.omitted(access.omitted)}</p>}
    </section>
  )
}

function Outcome({ access: { outcome } }: { readonly access: Access }) {
  const { t } = useLocale()
  if (outcome === undefined) return null
  if (outcome.failure !== undefined) return <Failure refusal={outcome.failure} />
  return (
    <p class="outcome" role="status">
      <strong>
        <Name text={outcome.userId} />
      </strong>
      {t.signals.colon}
      {outcome.returned > 0 ? t.moderation.given : t.moderation.notTaken}
    </p>
  )
}

interface RevocationItemProps {
  readonly revocation: ListedRevocation
  readonly onGiveBack: () => void
}

function RevocationItem({ revocation, onGiveBack }: RevocationItemProps) {
  const { t, dateTime } = useLocale()
  const { userId, conversation, untilMs, atMs, admin } = revocation
  return (
    <li>
      <p>
        <strong>
          <Name text={userId} />
        </strong>{' '}
        {t.moderation.from}{' '}
        {conversation === undefined ? t.moderation.everything : <RoomLabel room={conversation} />}
        <small>
          {t.moderation.until(dateTime(untilMs))}
          {admin !== undefined && (
            <>
              {' · '}
              {t.moderation.by} <Name text={admin} />
            </>
          )}
          {` · ${t.moderation.at} ${dateTime(atMs)}`}
        </small>
      </p>
      <button type="button" class="quiet small" onClick={onGiveBack}>
        {t.moderation.giveBack}
      </button>
    </li>
  )
}
