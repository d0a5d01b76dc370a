import { asRefusal, Failure } from '../ui/failure.tsx'
import { useSpeech } from '../i18n/i18n.ts'
import { RecallTime } from '../ui/recall-time.tsx'
import { Charts } from './charts.tsx'
import type { Health } from '../state/health.ts'
import { ProcessTable } from './process-table.tsx'
import { Tiles } from './tiles.tsx'

export function HealthView({ health }: { readonly health: Health | undefined }) {
  const { words } = useSpeech()
  if (health === undefined) return <p class="empty">{words.health.adminsOnly}</p>
  const { status, failure, answeredAtMs } = health
  return (
    <div class="pad health">
      {failure !== undefined && (
        <div class="stale">
          <Failure refusal={asRefusal(failure)} />
          {status !== undefined && (
            <p>
              {words.health.stale} <RecallTime atMs={answeredAtMs} />
            </p>
          )}
        </div>
      )}
      {status === undefined && failure === undefined && <p class="empty">{words.loading}</p>}
      {status !== undefined && (
        <div class={failure === undefined ? '' : 'old'}>
          <Tiles processes={status.nodes} />
          <Charts samples={health.samples} />
          <ProcessTable processes={status.nodes} />
        </div>
      )}
    </div>
  )
}
