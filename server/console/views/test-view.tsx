import type { TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import { roomName } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { KINDS } from '../state/conversations.ts'
import type { Kind } from '../state/conversations.ts'
import type { Store } from '../state/store.ts'
import { OVERDUE_MS } from '../state/test-recall.ts'
import type { TestRecall } from '../state/test-recall.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { ConversationFields, conversationIn } from '../ui/conversation-fields.tsx'
import { fieldValue, KeysInput, ListInput } from '../ui/form.tsx'
import { Icon } from '../ui/icon.tsx'
import { parseKeys } from '../ui/keys.ts'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { parseSeqs } from '../ui/seqs.ts'

/** Sends a test recall, and says which way it went and whether it arrived. */
export function TestView({ store: { testRecall } }: { readonly store: Store }) {
  const { t } = useLocale()
  const { failure, request } = testRecall
  const [kind, setKind] = useState<Kind>('group')
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const seqs = parseSeqs(fieldValue(form, 'seqs'))
    const names = seqs === undefined ? { keys: parseKeys(fieldValue(form, 'keys')) ?? [] } : { seqs }
    void testRecall.send({ ...conversationIn(form), ...names })
  }
  return (
    <div class="pad">
      <section class="card test" aria-labelledby="test">
        <h2 id="test">{t.test.title}</h2>
        <p class="hint">{t.test.hint}</p>
        <form class="column" onSubmit={onSubmit}>
          <ConversationFields kinds={KINDS} kind={kind} onKind={setKind} />
          {kind === 'group' ? (
            <ListInput
              key="seqs"
              name="seqs"
              label={t.test.seqs}
              placeholder="130, 131"
              isValid={(text) => parseSeqs(text) !== undefined}
              invalid={t.test.invalidSeqs}
            />
          ) : (
            <KeysInput />
          )}
          <button type="submit">{t.test.send}</button>
        </form>
        {failure !== undefined && <Failure refusal={asRefusal(failure)} />}
        {request !== undefined && <Outcome testRecall={testRecall} />}
      </section>
    </div>
  )
}

function Outcome({ testRecall }: { readonly testRecall: TestRecall }) {
  const { t } = useLocale()
  const { response, failure, arrivedAfterMs } = testRecall
  const hasArrived = arrivedAfterMs !== undefined
  const isGood = response?.throughReceiver === true && hasArrived
  // A recall that was refused is not on its way. One whose answer got lost may be.
  if (failure !== undefined && !hasArrived && !failure.isTransient) return null
  return (
    <div class={isGood ? 'outcome' : 'outcome doubtful'} role="status">
      {failure === undefined && response === undefined && <p>{t.test.sending}</p>}
      {response !== undefined && <Answer response={response} />}
      <p>
        <Arrival testRecall={testRecall} />
      </p>
      <p>
        <a href={address.hrefOf('feed', {})}>{t.test.openFeed}</a>
      </p>
    </div>
  )
}

function Answer({ response }: { readonly response: NonNullable<TestRecall['response']> }) {
  const { t } = useLocale()
  const { positions, throughReceiver, note } = response
  // The provider's answer says only that the recall is stored, or was before.
  const headline = throughReceiver
    ? t.test.accepted
    : positions.length > 0
      ? t.test.sent
      : t.test.notPublished
  return (
    <>
      <p>
        <strong>{headline}</strong>
      </p>
      <ul>
        {positions.map(({ room, position }) => (
          <li key={roomName(room)}>
            <RoomLabel room={room} /> · {t.details.offset(position.offset)}
          </li>
        ))}
      </ul>
      <p class={throughReceiver ? '' : 'not-tested'}>
        {!throughReceiver && <Icon name="warning" />}
        {throughReceiver ? t.test.throughReceiver : t.test.notThroughReceiver} {note}
      </p>
    </>
  )
}

function Arrival({ testRecall: { arrivedAfterMs, isOverdue } }: { readonly testRecall: TestRecall }) {
  const { t } = useLocale()
  if (arrivedAfterMs !== undefined) return <strong>{t.test.arrived(arrivedAfterMs)}</strong>
  if (!isOverdue) return <>{t.test.awaited}</>
  return <strong class="not-arrived">{t.test.overdue(OVERDUE_MS / 1_000)}</strong>
}
