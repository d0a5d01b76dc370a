import type { TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import type { MessageName, RecalledAt } from '../../../shared/message.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Api } from '../state/api.ts'
import { KINDS } from '../state/conversations.ts'
import type { Kind } from '../state/conversations.ts'
import type { Store } from '../state/store.ts'
import { ConversationFields, conversationIn } from '../ui/conversation-fields.tsx'
import { fieldValue, KeysInput } from '../ui/form.tsx'
import { parseKeys } from '../ui/keys.ts'
import { asRefusal, Failure, Timestamp } from '../ui/labels.tsx'
import { formatRanges, MAX_SEQS } from '../ui/seqs.ts'
import { useRequest } from '../ui/use-request.ts'
import { DoubtfulAnswer } from './doubtful-answer.tsx'

interface Lookup {
  /** In the order in which they were asked for: those of a range, or the keys that were entered. */
  readonly names: readonly MessageName[]
  readonly recalled: readonly RecalledAt[]
  /** By the gateway's clock. */
  readonly readAtMs: number
}

/**
 * Looks up which messages are recalled, of a range in a group, by their keys elsewhere: among all recalls ever stored, not only
 * those the log still holds.
 */
export function RecalledLookup({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { api } = store
  const [kind, setKind] = useState<Kind>('group')
  const { result, error, run } = useRequest<Lookup>()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    run(lookUp(api, event.currentTarget))
  }
  return (
    <section class="card lookup" aria-labelledby="lookup">
      <h2 id="lookup">{t.history.lookupTitle}</h2>
      <form
        class="line"
        onSubmit={onSubmit}
        onInput={({ currentTarget }) => validateRange(currentTarget, t.history)}
      >
        <ConversationFields kinds={KINDS} kind={kind} onKind={setKind} />
        {kind === 'group' ? (
          <>
            <NumberInput name="first" label={t.history.fromSeq} required />
            <NumberInput name="last" label={t.history.toSeq} />
          </>
        ) : (
          <KeysInput />
        )}
        <button type="submit">{t.history.lookupSubmit}</button>
      </form>
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      {result !== undefined && <DoubtfulAnswer store={store} readAtMs={result.readAtMs} />}
      {result !== undefined && <LookupResult lookup={result} />}
    </section>
  )
}

async function lookUp(api: Api, form: HTMLFormElement): Promise<Lookup> {
  const conversation = conversationIn(form)
  const keys = parseKeys(fieldValue(form, 'keys'))
  const first = Number(fieldValue(form, 'first'))
  const last = Number(fieldValue(form, 'last') || first)
  const names = keys ?? Array.from({ length: last - first + 1 }, (_, i) => first + i)
  const { recalled } = await api.recalled(conversation, keys ?? `${first}-${last}`)
  return { names, recalled, readAtMs: api.clock.fromViewer(Date.now()) }
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
  if (count > MAX_SEQS) input.setCustomValidity(tooMany)
  else input.setCustomValidity(count < 1 ? reversed : '')
}

interface NumberInputProps {
  readonly name: string
  readonly label: string
  readonly required?: boolean
}

function NumberInput({ name, label, required = false }: NumberInputProps) {
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
      />
    </label>
  )
}

/** The result in words, and with one square for each message of a range, or one line for each key. */
function LookupResult({ lookup: { names, recalled } }: { readonly lookup: Lookup }) {
  const { t } = useLocale()
  const times = new Map(recalled.map((message) => [message.seq ?? message.key, message.atMs]))
  const seqs = names.flatMap((name) => (typeof name === 'number' ? name : []))
  const keys = names.flatMap((name) => (typeof name === 'string' ? name : []))
  return (
    <div class="result" role="status">
      <p>
        <strong>{t.history.recalledCount(times.size, names.length)}</strong>
      </p>
      {times.size > 0 && seqs.length > 0 && <Squares seqs={seqs} times={times} />}
      {keys.length > 0 && <Keys keys={keys} times={times} />}
    </div>
  )
}

/** When each message was recalled that was. */
type Times = ReadonlyMap<MessageName, number>

function Squares({ seqs, times }: { readonly seqs: readonly number[]; readonly times: Times }) {
  const { dateTime } = useLocale()
  return (
    <>
      <div class="squares" aria-hidden="true">
        {seqs.map((seq) => {
          const atMs = times.get(seq)
          return (
            <i
              key={seq}
              class={atMs === undefined ? '' : 'recalled'}
              title={atMs === undefined ? `${seq}` : `${seq} · ${dateTime(atMs)}`}
            />
          )
        })}
      </div>
      <p class="ranges">{formatRanges(seqs.filter((seq) => times.has(seq))).join(', ')}</p>
    </>
  )
}

function Keys({ keys, times }: { readonly keys: readonly string[]; readonly times: Times }) {
  const { t } = useLocale()
  return (
    <ul class="keys">
      {keys.map((key) => {
        const atMs = times.get(key)
        return (
          <li key={key} class={atMs === undefined ? '' : 'recalled'}>
            <code>{key}</code>
            <span>{atMs === undefined ? t.history.notRecalled : <Timestamp atMs={atMs} />}</span>
          </li>
        )
      })}
    </ul>
  )
}
