import { useLocale } from '../i18n/i18n.ts'
import type { Outcome } from '../state/quarantine.ts'
import { Failure } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'

/** Says what became of an entry, or of many, and nothing better than that. */
export function OutcomeText({ outcome }: { readonly outcome: Outcome }) {
  const { t } = useLocale()
  if (outcome.kind === 'failed') return <Failure refusal={outcome.failure} />
  const isGood = outcome.kind === 'accepted' || outcome.kind === 'dropped'
  return (
    <div class={isGood ? 'outcome' : 'outcome doubtful'} role="status">
      {outcome.kind === 'retried' ? (
        <Retried outcome={outcome} />
      ) : (
        <p>
          <strong>{t.quarantine.outcomes[outcome.kind]}</strong>
          {outcome.kind === 'refused' && (
            <>
              {t.signals.colon}
              <Name lang="en" text={outcome.reason} />
            </>
          )}
        </p>
      )}
    </div>
  )
}

function Retried({ outcome }: { readonly outcome: Extract<Outcome, { readonly kind: 'retried' }> }) {
  const { t } = useLocale()
  const { accepted, refused, isPartial, unanswered, failure } = outcome
  return (
    <>
      <p>
        <strong>{t.quarantine.retried(accepted, refused)}</strong> {isPartial && t.quarantine.partial}
      </p>
      {unanswered.map(({ folder, why }) => (
        <p key={folder}>
          {folder === 'others' ? t.quarantine.unknownRetry : t.quarantine.unansweredRetry(folder.slice(0, 8))}{' '}
          <span lang="en">{why}</span>
        </p>
      ))}
      {failure !== undefined && <Failure refusal={failure} />}
    </>
  )
}
