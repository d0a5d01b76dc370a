import type { Desk } from '../state/store.ts'
import { LogSearch } from './log-search.tsx'
import { SeqQuestion } from './seq-question.tsx'

/** What is kept: the logs of rooms, and which messages are recalled, whenever that was. */
export function HistoryView({ desk: { api, isAdmin } }: { readonly desk: Desk }) {
  return (
    <div class="history">
      <SeqQuestion api={api} />
      <LogSearch api={api} mayFeed={isAdmin} />
    </div>
  )
}
