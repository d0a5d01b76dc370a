import type { TargetedSubmitEvent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isFeed, roomName } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { kindOf, KINDS } from '../state/conversations.ts'
import type { Kind } from '../state/conversations.ts'
import type { KnownRooms } from '../state/known-rooms.ts'
import { lookUp, MAX_LOOKED_UP, namesIn } from '../state/lookup.ts'
import type { Lookup } from '../state/lookup.ts'
import type { Store } from '../state/store.ts'
import { ConversationFields, conversationIn } from '../ui/conversation-fields.tsx'
import { fieldValue, KeysInput } from '../ui/form.tsx'
import { parseKeys } from '../ui/keys.ts'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { useRequest } from '../ui/use-request.ts'
import { DoubtfulAnswer } from './doubtful-answer.tsx'
import { LookupResult } from './lookup-result.tsx'

/**
 * Looks up which messages are recalled, of a range in a group, by their keys elsewhere: among all recalls ever stored, not only
 * those the log still holds. The address holds the question.
 */
export function RecalledLookup({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { room, names = '' } = address.parts
  const conversation = room === undefined || isFeed(room) ? undefined : room
  const asked = conversation === undefined ? undefined : namesIn(conversation, names)
  const question = conversation === undefined ? '' : `${roomName(conversation)} ${names}`
  /** Who asks again wants a new answer. */
  const [asks, setAsks] = useState(0)
  const { result, error, run } = useRequest<Lookup>()
  useEffect(() => {
    if (conversation !== undefined && asked !== undefined) run(lookUp(store.api, conversation, asked))
  }, [question, asks])
  return (
    <section class="card lookup" aria-labelledby="lookup">
      <h2 id="lookup">{t.history.lookupTitle}</h2>
      <LookupForm key={question} known={store.known} onSubmit={() => setAsks(asks + 1)} />
      {names !== '' && asked === undefined && (
        <p class="failure" role="alert">
          {t.find.lookup.unreadable}{' '}
          <code>
            <Name text={names.slice(0, 100)} />
          </code>
        </p>
      )}
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      {result !== undefined && asked !== undefined && (
        <>
          <DoubtfulAnswer store={store} readAtMs={result.readAtMs} />
          <LookupResult lookup={result} store={store} />
        </>
      )}
    </section>
  )
}

interface LookupFormProps {
  readonly known: KnownRooms
  readonly onSubmit: () => void
}

function LookupForm({ known, onSubmit }: LookupFormProps) {
  const { t } = useLocale()
  const { room, names = '' } = address.parts
  const [kind, setKind] = useState<Kind>(room === undefined || isFeed(room) ? 'group' : kindOf(room))
  const isGroup = room === undefined || room.group !== undefined
  const [first = '', last = ''] = isGroup ? names.split('-') : []
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const value = (name: string): string => fieldValue(form, name)
    const range = value('last') === '' ? value('first') : `${value('first')}-${value('last')}`
    const asked = kind === 'group' ? range : (parseKeys(value('keys')) ?? []).join(',')
    address.set({ room: conversationIn(form), names: asked }, 'push')
    onSubmit()
  }
  return (
    <form
      class="line"
      onSubmit={submit}
      onInput={({ currentTarget }) => validateRange(currentTarget, t.history)}
    >
      <ConversationFields kinds={KINDS} kind={kind} onKind={setKind} initial={room} known={known} />
      {kind === 'group' ? (
        <>
          <NumberInput name="first" label={t.history.fromSeq} value={first} required />
          <NumberInput name="last" label={t.history.toSeq} value={last} />
        </>
      ) : (
        <KeysInput value={isGroup ? '' : names} />
      )}
      <button type="submit">{t.history.lookupSubmit}</button>
    </form>
  )
}

interface Problems {
  readonly tooMany: string
  readonly reversed: string
}

/** Refuses ranges that end before they begin, or exceed what the gateway accepts per request. */
function validateRange(form: HTMLFormElement, { tooMany, reversed }: Problems): void {
  const input = form.elements.namedItem('last')
  if (!(input instanceof HTMLInputElement)) return
  const count = input.value === '' ? 1 : Number(input.value) - Number(fieldValue(form, 'first')) + 1
  if (count > MAX_LOOKED_UP) input.setCustomValidity(tooMany)
  else input.setCustomValidity(count < 1 ? reversed : '')
}

interface NumberInputProps {
  readonly name: string
  readonly label: string
  readonly value: string
  readonly required?: boolean
}

function NumberInput({ name, label, value, required = false }: NumberInputProps) {
  return (
    <label class="narrow">
      {label}
      <input
        name={name}
        type="number"
        min={1}
        max={Number.MAX_SAFE_INTEGER}
        step={1}
        required={required}
        autocomplete="off"
        defaultValue={value}
      />
    </label>
  )
}
