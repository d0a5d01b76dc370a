import type { TargetedSubmitEvent } from 'preact'
import { roomName } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Api } from '../state/api.ts'
import { fieldValue, IdentifierInput } from '../ui/form.tsx'
import { asRefusal, Failure, RoomLabel } from '../ui/labels.tsx'
import { parseSeqs } from '../ui/seqs.ts'
import { useRequest } from '../ui/use-request.ts'

type TestRecallResult = Awaited<ReturnType<Api['testRecall']>>

/** Publishes a test recall, to see whether it arrives. */
export function TestView({ api }: { readonly api: Api }) {
  const { t } = useLocale()
  const { result, error, run } = useRequest<TestRecallResult>()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const [group, topic] = [fieldValue(form, 'group'), fieldValue(form, 'topic')]
    const seqs = parseSeqs(fieldValue(form, 'seqs')) ?? []
    run(api.testRecall({ group, seqs, ...(topic !== '' && { topic }) }))
  }
  return (
    <div class="pad">
      <section class="card test" aria-labelledby="test">
        <h2 id="test">{t.test.title}</h2>
        <p class="hint">{t.test.hint}</p>
        <form class="column" onSubmit={onSubmit}>
          <IdentifierInput name="group" label={t.rooms.group} required />
          <IdentifierInput name="topic" label={t.rooms.topic} />
          <label>
            {t.test.seqs}
            <input
              name="seqs"
              required
              autocomplete="off"
              placeholder="130, 131"
              onInput={({ currentTarget: input }) =>
                input.setCustomValidity(parseSeqs(input.value) ? '' : t.test.invalidSeqs)
              }
            />
          </label>
          <button type="submit">{t.test.send}</button>
        </form>
        {error !== undefined && <Failure refusal={asRefusal(error)} />}
        {result !== undefined && <Outcome result={result} />}
      </section>
    </div>
  )
}

function Outcome({ result: { positions } }: { readonly result: TestRecallResult }) {
  const { t } = useLocale()
  return (
    <div class="outcome" role="status">
      <p>
        <strong>{positions.length > 0 ? t.test.sent : t.test.notPublished}</strong>
      </p>
      <ul>
        {positions.map(({ room, position }) => (
          <li key={roomName(room)}>
            <RoomLabel room={room} /> · {t.details.offset(position.offset)}
          </li>
        ))}
      </ul>
      <p>
        <a href="#feed">{t.test.openFeed}</a>
      </p>
    </div>
  )
}
