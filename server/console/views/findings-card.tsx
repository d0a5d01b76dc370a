import { joinFindings } from '../../../shared/http-api/doctor.ts'
import type { DoctorResponse, FindingOfProcesses } from '../../../shared/http-api/doctor.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Api } from '../state/api.ts'
import { AskedCard } from '../ui/asked-card.tsx'
import { Name } from '../ui/name.tsx'

/** What the doctor finds, with what to do about it. It tries things, so it works when the viewer asks. */
export function FindingsCard({ api }: { readonly api: Api }) {
  const { t } = useLocale()
  return (
    <AskedCard class="findings" title={t.access.findings} ask={() => api.doctor()}>
      {(response) => <Findings response={response} />}
    </AskedCard>
  )
}

function Findings({ response: { findings, unanswered } }: { readonly response: DoctorResponse }) {
  const { t } = useLocale()
  const joined = joinFindings(findings)
  const open = joined.filter(({ finding }) => finding.severity !== 'ok')
  const fine = joined.filter(({ finding }) => finding.severity === 'ok')
  return (
    <>
      {open.length === 0 && unanswered.length === 0 && <p class="dot live">{t.access.allFine}</p>}
      {unanswered.length > 0 && (
        <>
          <p class="wait">{t.access.unanswered(unanswered.length)}</p>
          <ul>
            {unanswered.map(({ process, host, why }) => (
              <li key={process} class="warning">
                <Name text={host ?? process.slice(0, 8)} />: <span lang="en">{why}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {t.access.findingsHint !== '' && <p class="hint">{t.access.findingsHint}</p>}
      <ul>
        {open.map((one) => (
          <FindingItem key={`${one.finding.id} ${one.finding.found} ${one.finding.fix}`} {...one} />
        ))}
      </ul>
      {fine.length > 0 && (
        <details>
          <summary>{t.access.fine(fine.length)}</summary>
          <ul>
            {fine.map((one) => (
              <FindingItem key={`${one.finding.id} ${one.finding.found} ${one.finding.fix}`} {...one} />
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

function FindingItem({ finding, processes }: FindingOfProcesses) {
  const { t } = useLocale()
  const { severity, title, found, fix, document, id } = finding
  const href = pageOf(document)
  const translated = t.access.findingTitles[id]
  return (
    <li class={severity}>
      <p>
        <strong>
          {t.access.severities[severity]}
          {t.signals.colon}
          {translated ?? <span lang="en">{title}</span>}
        </strong>{' '}
        <span lang="en">{found}</span>
      </p>
      {fix !== undefined && <p lang="en">{fix}</p>}
      <p class="about">
        <code>{id}</code> ·{' '}
        {t.health.aboutProcess(processes.map((process) => process.slice(0, 8)).join(', '))}
        {href !== undefined && (
          <>
            {' · '}
            <a href={href} target="_blank" rel="noopener">
              {t.access.more}
            </a>
          </>
        )}
      </p>
    </li>
  )
}

/** Where the gateway serves a document: `server/docs/redis.md#permissions` at `docs/redis.html#permissions`. */
function pageOf(document: string): string | undefined {
  const [, name, heading = ''] = /([\w-]+)\.md(#[\w-]*)?$/.exec(document) ?? []
  return name === undefined ? undefined : `docs/${name.toLowerCase()}.html${heading}`
}
