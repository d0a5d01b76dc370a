import type { GoneProcess, ProcessState } from '../../../shared/http-api.ts'
import { useLocale } from '../i18n/i18n.ts'
import { Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'

interface ProcessTableProps {
  readonly processes: readonly ProcessState[]
  readonly gone: readonly GoneProcess[]
}

export function ProcessTable({ processes, gone }: ProcessTableProps) {
  const { health } = useLocale().t
  const hasRelay = processes.some(({ relay }) => relay !== undefined)
  return (
    <section class="card processes" aria-labelledby="processes">
      <h2 id="processes">{health.processes}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="processes">
        <table>
          <thead>
            <tr>
              <th scope="col">{health.process}</th>
              <th scope="col">{health.state}</th>
              <th scope="col">{health.delivery}</th>
              <th scope="col">{health.webhookColumn}</th>
              <th scope="col">{health.spool}</th>
              {hasRelay && <th scope="col">{health.relay}</th>}
              <th scope="col" class="figure">
                {health.sockets}
              </th>
              <th scope="col" class="figure">
                {health.rooms}
              </th>
              <th scope="col">{health.startedAt}</th>
            </tr>
          </thead>
          <tbody>
            {processes
              .toSorted((one, other) => one.startedAtMs - other.startedAtMs)
              .map((process) => (
                <ProcessRow key={process.id} process={process} hasRelay={hasRelay} />
              ))}
            {gone.map((process) => (
              <GoneRow key={process.id} process={process} hasRelay={hasRelay} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

interface RowProps<T> {
  readonly process: T
  /** Whether the table has a column for the relay. */
  readonly hasRelay: boolean
}

function ProcessRow({ process, hasRelay }: RowProps<ProcessState>) {
  const { t, number } = useLocale()
  const { ready, reasons, warnings, sockets, rooms, spool, startedAtMs } = process
  return (
    <tr>
      <NameCell process={process} />
      <td>
        <span class={`dot ${ready ? 'live' : 'refused'}`}>{ready ? t.health.ready : t.health.notReady}</span>
        <Sentences class="reasons" sentences={reasons} />
        <Sentences class="warnings" sentences={warnings} />
      </td>
      <td>
        <DeliveryText process={process} />
      </td>
      <td>
        <WebhooksText process={process} />
      </td>
      <td>{spool === undefined ? t.health.none : t.health.spooled(spool.recalls, spool.ageMs / 1_000)}</td>
      {hasRelay && (
        <td>
          <RelayText process={process} />
        </td>
      )}
      <td class="figure">{number(sockets)}</td>
      <td class="figure">{number(rooms)}</td>
      <td>
        <Timestamp atMs={startedAtMs} />
      </td>
    </tr>
  )
}

/** A process that reported in the last ten minutes, or up to a month ago if recalls may be on its disk, but no longer does. */
function GoneRow({ process, hasRelay }: RowProps<GoneProcess>) {
  const { t, timeOfDay, dateTime, isToday } = useLocale()
  const { stopped, lastReportAtMs, spooledRecalls, startedAtMs } = process
  const text = (stopped ? t.health.stopped : t.health.gone)(
    (isToday(lastReportAtMs) ? timeOfDay : dateTime)(lastReportAtMs),
  )
  return (
    <tr class="gone">
      <NameCell process={process} />
      <td colSpan={hasRelay ? 7 : 6}>
        <span class={`dot ${stopped ? 'offline' : 'refused'}`}>{text}</span>
        {spooledRecalls > 0 && <span class="reasons">{t.health.onItsDisk(spooledRecalls)}</span>}
      </td>
      <td>
        <Timestamp atMs={startedAtMs} />
      </td>
    </tr>
  )
}

function NameCell({ process }: { readonly process: ProcessState | GoneProcess }) {
  const { t } = useLocale()
  const { id, role, host } = process
  const version = 'version' in process ? process.version : undefined
  return (
    <th scope="row">
      <code title={id}>{id.slice(0, 8)}</code> <small>{t.health.roles[role]}</small>
      {host !== undefined && (
        <small class="host">
          <Name text={host} /> {version}
        </small>
      )}
    </th>
  )
}

interface SentencesProps {
  readonly class: string
  readonly sentences: readonly string[]
}

/** The gateway's own sentences, in its language. */
function Sentences({ class: className, sentences }: SentencesProps) {
  if (sentences.length === 0) return null
  return (
    <ul class={className} lang="en">
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  )
}

/** Whether notices are proved to arrive there; nothing for a process that serves no sockets. */
function DeliveryText({ process: { role, delivery, probeAgeMs } }: { readonly process: ProcessState }) {
  const { t } = useLocale()
  if (role === 'receiver') return <>{t.health.none}</>
  if (delivery?.proved === false)
    return (
      <>
        <span class="dot refused">
          {t.health.inDoubt} {t.health.inDoubtFor(delivery.doubtMs / 1_000)}
        </span>
        <Sentences class="reasons" sentences={[delivery.reason]} />
      </>
    )
  return (
    <>
      {delivery?.proved === true && <span class="dot live">{t.health.proved}</span>}{' '}
      {t.health.ago(probeAgeMs / 1_000)}
    </>
  )
}

/** What waits for the app's backend. */
function RelayText({ process: { relay } }: { readonly process: ProcessState }) {
  const { t } = useLocale()
  if (relay === undefined) return <>{t.health.none}</>
  return (
    <>
      {t.health.relayQueue(relay.requests, relay.ageMs / 1_000)}
      {relay.isDown && <span class="reasons">{t.health.backendDown}</span>}
    </>
  )
}

function WebhooksText({ process: { webhooks } }: { readonly process: ProcessState }) {
  const { t, number } = useLocale()
  if (webhooks === undefined) return <>{t.health.none}</>
  const { ok, refused, failed, lastOkAgeMs } = webhooks
  const sum = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((total, count) => total + count, 0)
  const [refusedCount, failedCount] = [sum(refused), sum(failed)]
  return (
    <>
      {t.health.webhooksOk(number(ok))}
      {refusedCount + failedCount > 0 && (
        <span class="reasons">{t.health.webhooksBad(refusedCount, failedCount)}</span>
      )}
      <small>{lastOkAgeMs === null ? t.health.noOk : t.health.lastOk(lastOkAgeMs / 1_000)}</small>
    </>
  )
}
