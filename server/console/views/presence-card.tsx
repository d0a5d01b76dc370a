import type { ComponentChildren, TargetedSubmitEvent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { RoomPresenceResponse, UserPresenceResponse } from '../../../shared/http-api/presence.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { asApiError } from '../state/api.ts'
import type { Api } from '../state/api.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { fieldValue, IdentifierInput } from '../ui/form.tsx'
import { Failure, Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { useRequest } from '../ui/use-request.ts'
import { RoomPresence } from './room-presence.tsx'
import { UserPresence } from './user-presence.tsx'

/** Where the user is connected whom the address names, or who is in its room. */
export function PresenceCard({ api }: { readonly api: Api }) {
  const { t } = useLocale()
  const { user, room } = address.parts
  // Whoever looks again wants to know what is true now, also of the same user.
  const [looks, setLooks] = useState(0)
  return (
    <section class="card presence" aria-labelledby="presence">
      <h2 id="presence">{t.presence.title}</h2>
      <p class="hint">{t.presence.hint}</p>
      <UserForm key={user} user={user} onLook={() => setLooks(looks + 1)} />
      {user !== undefined && (
        <Answer
          key={`${looks} ${user}`}
          ask={() => api.userPresence(user)}
          subject={
            <strong>
              <Name text={user} />
            </strong>
          }
        >
          {(answer: UserPresenceResponse) => <UserPresence answer={answer} />}
        </Answer>
      )}
      {user === undefined && room !== undefined && (
        <Answer key={roomName(room)} ask={() => api.roomPresence(room)} subject={<RoomSubject room={room} />}>
          {(answer: RoomPresenceResponse) => <RoomPresence answer={answer} />}
        </Answer>
      )}
    </section>
  )
}

function RoomSubject({ room }: { readonly room: Room }) {
  return (
    <strong>
      <RoomLabel room={room} />
    </strong>
  )
}

interface UserFormProps {
  readonly user: string | undefined
  readonly onLook: () => void
}

function UserForm({ user, onLook }: UserFormProps) {
  const { t } = useLocale()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    address.set({ user: fieldValue(event.currentTarget, 'user'), room: undefined }, 'push')
    onLook()
  }
  return (
    <form class="line" role="search" aria-label={t.presence.title} onSubmit={onSubmit}>
      <IdentifierInput name="user" label={t.moderation.who} value={user} required />
      <button type="submit">{t.presence.look}</button>
    </form>
  )
}

type Silent = UserPresenceResponse['unanswered']

interface Dated<Response> {
  readonly answer: Response
  readonly atMs: number
}

interface AnswerProps<Response> {
  readonly subject: ComponentChildren
  readonly ask: () => Promise<Response>
  readonly children: (answer: Response) => ComponentChildren
}

/** An answer of all nodes, with a button that asks again, and who did not answer: silence is never "nobody". */
function Answer<Response extends { readonly unanswered: Silent }>({
  subject,
  ask,
  children,
}: AnswerProps<Response>) {
  const { t } = useLocale()
  const { result, error, run } = useRequest<Dated<Response>>()
  const look = async (): Promise<Dated<Response>> => ({ answer: await ask(), atMs: Date.now() })
  useEffect(() => run(look()), [])
  return (
    <div class="answer">
      <header>
        <p>{subject}</p>
        {result !== undefined && (
          <p class="hint">
            {t.moderation.readAt} <Timestamp atMs={result.atMs} />
          </p>
        )}
        <button type="button" class="quiet small" onClick={() => run(look(), result)}>
          {t.moderation.refresh}
        </button>
      </header>
      {error !== undefined && <Failure refusal={asApiError(error)} />}
      {result === undefined && error === undefined && <p class="hint">{t.loading}</p>}
      {result !== undefined && <Unanswered unanswered={result.answer.unanswered} />}
      {result !== undefined && children(result.answer)}
    </div>
  )
}

function Unanswered({ unanswered }: { readonly unanswered: Silent }) {
  const { t } = useLocale()
  if (unanswered.length === 0) return null
  return (
    <div class="wait" role="alert">
      <p>{t.presence.silent}</p>
      {unanswered.map(({ id, host, why }) => (
        <p key={id}>
          <Name text={host ?? id.slice(0, 8)} />
          {t.signals.colon}
          <span lang="en">{why}</span>
        </p>
      ))}
    </div>
  )
}
