import type { TargetedSubmitEvent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { showsUtc, useLocale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { address } from '../state/address.ts'
import { kindOf, KINDS } from '../state/conversations.ts'
import type { KnownRooms } from '../state/known-rooms.ts'
import { readLog } from '../state/log-pages.ts'
import type { PagesRead } from '../state/log-pages.ts'
import type { Store } from '../state/store.ts'
import { ConversationFields, conversationIn } from '../ui/conversation-fields.tsx'
import { fieldValue } from '../ui/form.tsx'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { fromField } from '../ui/field-time.ts'
import { TimeInput } from '../ui/time-input.tsx'
import { useRequest } from '../ui/use-request.ts'
import { DoubtfulAnswer } from './doubtful-answer.tsx'
import { ListWithDetails } from './details.tsx'
import { OpenFailure } from './open-failure.tsx'
import { useOpenRecall } from './use-open-recall.ts'

/** Reads the log of one conversation, newest first: what members may do in place of a search. The address holds its form. */
export function LogReader({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { api } = store
  const { log, since } = address.parts
  /** Who asks again wants a new answer. */
  const [asked, setAsked] = useState(0)
  const { result, error, run } = useRequest<PagesRead>()
  const rows = result?.rows ?? []
  const { open, failure, onOpen, onClose, onRetry } = useOpenRecall(api, rows)
  const name = log === undefined ? '' : roomName(log)
  useEffect(() => {
    if (log !== undefined) run(readLog(api, log, since ?? 0))
  }, [name, since, asked])
  return (
    <section class="search log-search" aria-labelledby="search">
      <LogForm key={name} known={store.known} log={log} since={since} onSubmit={() => setAsked(asked + 1)} />
      <ListWithDetails open={open} api={api} onClose={onClose}>
        <div class="list-notes">
          {error !== undefined && <Failure refusal={asRefusal(error)} />}
          {result !== undefined && <DoubtfulAnswer store={store} readAtMs={result.readAtMs} />}
          <OpenFailure failure={failure} onRetry={onRetry} onClose={onClose} />
        </div>
        <RecallList
          rows={rows}
          label={t.history.title}
          empty={emptyText(t.history, t.loading, { isAsked: log !== undefined, result, error })}
          open={open}
          onOpen={onOpen}
          onClose={onClose}
          subject={`${name} ${since ?? 0} ${asked}`}
        />
        {result !== undefined && (
          <PagesFooter
            result={result}
            onOlder={() => run(readLog(api, result.room, result.sinceMs, result), result)}
          />
        )}
      </ListWithDetails>
    </section>
  )
}

interface Asked {
  readonly isAsked: boolean
  readonly result: PagesRead | undefined
  readonly error: unknown
}

function emptyText(
  texts: { readonly prompt: string; readonly noMatch: string },
  loading: string,
  { isAsked, result, error }: Asked,
): string {
  if (!isAsked) return texts.prompt
  if (result !== undefined) return texts.noMatch
  return error === undefined ? loading : ''
}

interface LogFormProps {
  readonly log: Room | undefined
  readonly since: number | undefined
  readonly known: KnownRooms
  readonly onSubmit: () => void
}

function LogForm({ log, since, known, onSubmit }: LogFormProps) {
  const { t } = useLocale()
  const [kind, setKind] = useState(log === undefined || isFeed(log) ? 'group' : kindOf(log))
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const changes = {
      log: conversationIn(form),
      since: fromField(fieldValue(form, 'since'), { isUtc: showsUtc() }),
      open: undefined,
    }
    address.set(changes, 'push')
    onSubmit()
  }
  return (
    <form class="line tools" onSubmit={submit}>
      <h2 id="search">{t.history.title}</h2>
      <ConversationFields kinds={KINDS} kind={kind} onKind={setKind} initial={log} known={known} />
      <TimeInput label={t.find.history.since} name="since" atMs={since} />
      <button type="submit">{t.history.search}</button>
    </form>
  )
}

interface PagesFooterProps {
  readonly result: PagesRead
  readonly onOlder: () => void
}

/** The number of results, whether there may be more, and a button that reads on. */
function PagesFooter({ result: { rows, end }, onOlder }: PagesFooterProps) {
  const { t } = useLocale()
  return (
    <p class="list-footer">
      <span>{t.recallCount(rows.length)}</span>
      {end === undefined ? (
        <button type="button" class="quiet" onClick={onOlder}>
          {t.history.older}
        </button>
      ) : (
        <span>{t.find.history.ends[end]}</span>
      )}
    </p>
  )
}
