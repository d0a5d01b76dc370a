import type { TargetedSubmitEvent } from 'preact'
import type { RecalledAt } from '../../../shared/recall.ts'
import type { Api } from '../state/api.ts'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { fieldValue, IdentifierInput } from '../ui/form.tsx'
import { useLocale } from '../i18n/i18n.ts'
import { useRequest } from '../ui/use-request.ts'
import { formatRanges } from '../ui/seqs.ts'

const MAX_SEQS = 1_000

interface Answer {
  readonly first: number
  readonly last: number
  readonly recalled: readonly RecalledAt[]
}

/** Which messages of a range are recalled: of all recalls ever kept, not only of what the log still holds. */
export function RecalledLookup({ api }: { readonly api: Api }) {
  const { t } = useLocale()
  const { result, error, run } = useRequest<Answer>()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const [group, topic] = [fieldValue(form, 'group'), fieldValue(form, 'topic')]
    const first = Number(fieldValue(form, 'first'))
    const last = Number(fieldValue(form, 'last') || first)
    const conversation = topic === '' ? { group } : { group, topic }
    const found = api.recalled(conversation, `${first}-${last}`)
    run(found.then(({ recalled }) => ({ first, last, recalled })))
  }
  return (
    <section class="card lookup" aria-labelledby="lookup">
      <h2 id="lookup">{t.history.ask}</h2>
      <form
        class="line"
        onSubmit={onSubmit}
        onInput={({ currentTarget }) => validateRange(currentTarget, t.history)}
      >
        <IdentifierInput name="group" label={t.rooms.group} required />
        <IdentifierInput name="topic" label={t.rooms.topic} />
        <NumberInput name="first" label={t.history.first} required />
        <NumberInput name="last" label={t.history.last} />
        <button type="submit">{t.history.askButton}</button>
      </form>
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      {result !== undefined && <LookupResult {...result} />}
    </section>
  )
}

interface Problems {
  readonly tooMany: string
  readonly backwards: string
}

/** The range must lead forwards, and the gateway takes so many numbers at a time. */
function validateRange(form: HTMLFormElement, { tooMany, backwards }: Problems): void {
  const input = form.elements.namedItem('last')
  if (!(input instanceof HTMLInputElement)) return
  const many = input.value === '' ? 1 : Number(input.value) - Number(fieldValue(form, 'first')) + 1
  if (many > MAX_SEQS) input.setCustomValidity(tooMany)
  else input.setCustomValidity(many < 1 ? backwards : '')
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

interface SeqAnswerProps {
  readonly first: number
  readonly last: number
  readonly recalled: readonly RecalledAt[]
}

/** In words, and as a field with one square a message. */
function LookupResult({ first, last, recalled }: SeqAnswerProps) {
  const { t, dateTime } = useLocale()
  const times = new Map(recalled.map(({ seq, atMs }) => [seq, atMs]))
  const seqs = [...times.keys()].toSorted((one, other) => one - other)
  const asked = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  return (
    <div class="result" role="status">
      <p>
        <strong>{t.history.answer(seqs.length, asked.length)}</strong>
      </p>
      {seqs.length > 0 && (
        <>
          <div class="squares" aria-hidden="true">
            {asked.map((seq) => {
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
