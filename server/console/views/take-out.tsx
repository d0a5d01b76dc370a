import type { TargetedSubmitEvent } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { conversationOf } from '../../../shared/conversation.ts'
import type { Conversation } from '../../../shared/conversation.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { Messages } from '../i18n/en.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { asApiError } from '../state/api.ts'
import type { ApiError } from '../state/api.ts'
import { kindOf } from '../state/conversations.ts'
import { visibleText } from '../state/visible-text.ts'
import { fieldValue } from '../ui/form.tsx'
import { Failure } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { useStore } from '../ui/store-context.ts'

const DURATIONS_S = [600, 3_600, 28_800, 86_400] as const

interface Person {
  readonly userId: string
  readonly role: keyof Messages['moderation']['roles']
}

/** Takes a user of a recall out of its conversation, or disconnects them. Says first what that will do, and whom it concerns. */
export function TakeOut({ notice }: { readonly notice: Notice }) {
  const { t } = useLocale()
  const [isOpen, setOpen] = useState(false)
  const people = peopleOf(notice)
  if (people.length === 0) return null
  return (
    <>
      <h3 class="screen-only">{t.moderation.act}</h3>
      {isOpen ? (
        <TakeOutForm notice={notice} people={people} onClose={() => setOpen(false)} />
      ) : (
        <div class="actions">
          <button type="button" class="quiet small" onClick={() => setOpen(true)}>
            {t.moderation.takeOut}
          </button>
        </div>
      )}
    </>
  )
}

/** Whom a recall names, each once. */
function peopleOf({ operator, sender, c2c }: Notice): readonly Person[] {
  const people: Person[] = [
    ...(operator === undefined ? [] : [{ userId: operator, role: 'operator' } as const]),
    ...(sender === undefined ? [] : [{ userId: sender, role: 'sender' } as const]),
    ...(c2c ?? []).map((userId) => ({ userId, role: 'party' }) as const),
  ]
  return people.filter(({ userId }, i) => people.findIndex((one) => one.userId === userId) === i)
}

interface TakeOutFormProps {
  readonly notice: Notice
  readonly people: readonly Person[]
  readonly onClose: () => void
}

function TakeOutForm({ notice, people, onClose }: TakeOutFormProps) {
  const { t, dateTime } = useLocale()
  const store = useStore()
  const scopes = scopesOf(notice)
  const [userId, setUserId] = useState(people[0]?.userId ?? '')
  const [scope, setScope] = useState<Scope>(scopes[0] ?? 'everything')
  const [forS, setForS] = useState<number>(3_600)
  const [isSending, setSending] = useState(false)
  const [failure, setFailure] = useState<ApiError>()
  const [untilMs, setUntilMs] = useState<number>()
  const cancel = useRef<HTMLButtonElement>(null)
  useEffect(() => cancel.current?.focus(), [])
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    if (fieldValue(event.currentTarget, 'user') !== userId) return
    setSending(true)
    setFailure(undefined)
    store.api
      .disconnect({ userId, forS, ...whereOf(notice, scope) })
      .then(
        (response) => setUntilMs(response.untilMs),
        (error: unknown) => setFailure(asApiError(error)),
      )
      .finally(() => setSending(false))
  }
  if (untilMs !== undefined)
    return (
      <div class="outcome" role="status">
        <p>
          <strong>
            <Name text={userId} />
          </strong>{' '}
          {t.moderation.done(dateTime(untilMs))}
        </p>
        <p>
          <a href={address.hrefOf('access')}>{t.moderation.see}</a>
        </p>
      </div>
    )
  const until = store.api.clock.fromViewer(Date.now()) + forS * 1_000
  return (
    <form class="take-out" aria-label={t.moderation.takeOut} onSubmit={onSubmit}>
      <Choice
        name="user"
        label={t.moderation.who}
        value={userId}
        options={people.map((one) => [
          one.userId,
          `${visibleText(one.userId)} · ${t.moderation.roles[one.role]}`,
        ])}
        onValue={setUserId}
      />
      <Choice
        name="scope"
        label={t.moderation.where}
        value={scope}
        options={scopes.map((one) => [one, t.moderation.scopes[one]])}
        onValue={(value) => setScope(scopes.find((one) => one === value) ?? scope)}
      />
      <Choice
        name="for"
        label={t.moderation.forS}
        value={String(forS)}
        options={DURATIONS_S.map((s) => [String(s), t.moderation.durations[s]])}
        onValue={(value) => setForS(Number(value))}
      />
      <div class="asking">
        <p>
          <strong>
            <Name text={userId} /> · {t.moderation.scopes[scope]} · {t.moderation.until(dateTime(until))}
          </strong>
        </p>
        <p>{t.moderation.confirm(scope === 'everything')}</p>
        <p>{t.moderation.confirmLimits}</p>
        <p>{userId === store.user ? <strong>{t.moderation.yourself}</strong> : t.moderation.mayBeAdmin}</p>
        <p>{t.moderation.hint}</p>
        <div class="actions">
          <button type="submit" class="danger" disabled={isSending}>
            {t.moderation.confirmButton}
          </button>
          <button ref={cancel} type="button" class="quiet" onClick={onClose}>
            {t.moderation.keep}
          </button>
        </div>
      </div>
      {failure !== undefined && <Failure refusal={failure} />}
    </form>
  )
}

type Scope = keyof Messages['moderation']['scopes']

/** The narrowest first. */
function scopesOf(notice: Notice): readonly Scope[] {
  const kind = kindOf(notice)
  if (kind !== 'group') return [kind, 'everything']
  return notice.topic === undefined ? ['group', 'everything'] : ['topic', 'group', 'everything']
}

function whereOf(notice: Notice, scope: Scope): Conversation | undefined {
  if (scope === 'everything') return undefined
  return scope === 'group' && notice.group !== undefined ? { group: notice.group } : conversationOf(notice)
}

interface ChoiceProps {
  readonly name: string
  readonly label: string
  readonly value: string
  readonly options: readonly (readonly [value: string, text: string])[]
  readonly onValue: (value: string) => void
}

function Choice({ name, label, value, options, onValue }: ChoiceProps) {
  return (
    <label>
      {label}
      <select name={name} value={value} onChange={({ currentTarget }) => onValue(currentTarget.value)}>
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
