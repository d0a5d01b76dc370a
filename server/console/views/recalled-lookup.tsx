import type { TargetedSubmitEvent } from 'preact'
import type { RecalledAt } from '../../../shared/message.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Store } from '../state/store.ts'
import { fieldValue, IdentifierInput } from '../ui/form.tsx'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { formatRanges, MAX_SEQS } from '../ui/seqs.ts'
import { useRequest } from '../ui/use-request.ts'
import { DoubtfulAnswer } from './doubtful-answer.tsx'

interface RecalledRange {
  readonly first: number
  readonly last: number
  readonly recalled: readonly RecalledAt[]
  /** By the gateway's clock. */
  readonly readAtMs: number
}

/** Looks up which messages of a range are recalled: among all recalls ever stored, not only those the log still holds. */
export function RecalledLookup({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { api } = store
  const { result, error, run } = useRequest<RecalledRange>()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const [group, topic] = [fieldValue(form, 'group'), fieldValue(form, 'topic')]
    const first = Number(fieldValue(form, 'first'))
    const last = Number(fieldValue(form, 'last') || first)
    const conversation = topic === '' ? { group } : { group, topic }
    const request = api.recalled(conversation, `${first}-${last}`)
    run(
      request.then(({ recalled }) => ({
        first,
        last,
        recalled,
        readAtMs: api.clock.fromViewer(Date.now()),
      })),
    )
  }
  return (
    <section class="card lookup" aria-labelledby="lookup">
      <h2 id="lookup">{t.history.lookupTitle}</h2>
      <form
        class="line"
        onSubmit={onSubmit}
        onInput={({ currentTarget }) => validateRange(currentTarget, t.history)}
      >
        <IdentifierInput name="group" label={t.rooms.group} required />
        <IdentifierInput name="topic" label={t.rooms.topic} />
        <NumberInput name="first" label={t.history.fromSeq} required />
        <NumberInput name="last" label={t.history.toSeq} />
        <button type="submit">{t.history.lookupSubmit}</button>
      </form>
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      {result !== undefined && <DoubtfulAnswer store={store} readAtMs={result.readAtMs} />}
      {result !== undefined && <LookupResult range={result} />}
    </section>
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

/** The result in words, and as a grid with one square per message. */
function LookupResult({ range: { first, last, recalled } }: { readonly range: RecalledRange }) {
  const { t, dateTime } = useLocale()
  const times = new Map(recalled.flatMap(({ seq, atMs }) => (seq === undefined ? [] : [[seq, atMs]])))
  const seqs = [...times.keys()].toSorted((one, other) => one - other)
  const wanted = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  return (
    <div class="result" role="status">
      <p>
        <strong>{t.history.recalledCount(seqs.length, wanted.length)}</strong>
      </p>
      {seqs.length > 0 && (
        <>
          <div class="squares" aria-hidden="true">
            {wanted.map((seq) => {
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
          <p class="ranges">{formatRanges(seqs).join(', ')}</p>
        </>
      )}
    </div>
  )
}
