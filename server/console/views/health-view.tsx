import type { StatusResponse } from '../../../shared/http-api.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Health, Sample } from '../state/health.ts'
import { Icon } from '../ui/icon.tsx'
import { Timestamp } from '../ui/labels.tsx'
import { Chart } from './chart.tsx'
import { ConfigurationCard } from './configuration-card.tsx'
import { EventList } from './event-list.tsx'
import { FindingsCard } from './findings-card.tsx'
import { Tiles } from './health-tiles.tsx'
import { ProblemList } from './problem-list.tsx'
import { ProcessTable } from './process-table.tsx'
import { WebhookTable } from './webhook-table.tsx'

/** What is wrong first, then the figures. */
export function HealthView({ health }: { readonly health: Health | undefined }) {
  const { t } = useLocale()
  if (health === undefined) return <p class="empty">{t.health.adminsOnly}</p>
  const { status, failure, problems, updatedAtMs } = health
  const isCurrent = failure === undefined && status !== undefined
  return (
    <div class="pad health">
      <ProblemList problems={problems} isComplete={isCurrent && status.complete} />
      {failure !== undefined && status !== undefined && (
        <p class="stale">
          {t.health.stale} <Timestamp atMs={updatedAtMs} />
        </p>
      )}
      {isCurrent && !status.complete && <Incomplete reason={status.incomplete} />}
      {status === undefined && failure === undefined && <p class="empty">{t.loading}</p>}
      {status !== undefined && (
        <div class={isCurrent ? '' : 'outdated'}>
          <Figures status={status} health={health} />
        </div>
      )}
      {(status !== undefined || failure !== undefined) && (
        <div class="folds">
          <FindingsCard api={health.api} />
          <ConfigurationCard api={health.api} />
        </div>
      )}
    </div>
  )
}

/** The process that responded could not ask the others. */
function Incomplete({ reason }: { readonly reason: string | undefined }) {
  const { t } = useLocale()
  return (
    <p class="gap-note" role="alert">
      <Icon name="warning" />
      <span>
        <strong>{t.health.incomplete}</strong> <span lang="en">{reason}</span>
      </span>
    </p>
  )
}

interface FiguresProps {
  readonly status: StatusResponse
  readonly health: Health
}

function Figures({ status, health: { samples, history, marks } }: FiguresProps) {
  const { nodes, gone, complete } = status
  return (
    <>
      <Tiles processes={nodes} gone={gone} isComplete={complete} />
      <WebhookTable processes={nodes} />
      <Charts samples={samples} />
      <ProcessCharts samples={samples} history={history} />
      <ProcessTable processes={nodes} gone={gone} />
      <EventList marks={marks} />
    </>
  )
}

/** Throughput and latency over the last hour. */
function Charts({ samples }: { readonly samples: readonly Sample[] }) {
  const { health } = useLocale().t
  const timesS = samples.map(({ atMs }) => atMs / 1_000)
  return (
    <div class="charts">
      <Chart
        title={health.recallsPerSecond}
        timesS={timesS}
        lines={[{ color: 'accent', values: samples.map(({ rate }) => rate?.recallsPerSecond) }]}
      />
      <Chart
        title={health.deliveriesPerSecond}
        timesS={timesS}
        lines={[{ color: 'second', values: samples.map(({ rate }) => rate?.deliveriesPerSecond) }]}
      />
      <Chart
        title={health.latency}
        timesS={timesS}
        lines={[
          { name: health.median, color: 'accent', values: samples.map(({ p50Ms }) => p50Ms) },
          { name: health.p99, color: 'wait', values: samples.map(({ p99Ms }) => p99Ms) },
        ]}
      />
    </div>
  )
}

interface ProcessChartsProps {
  readonly samples: readonly Sample[]
  readonly history: readonly Sample[]
}

/** What goes before trouble: sockets that leave, recalls that wait, proofs that are late, event loops without time. */
function ProcessCharts({ samples, history }: ProcessChartsProps) {
  const { health } = useLocale().t
  const timesOf = (all: readonly Sample[]): readonly number[] => all.map(({ atMs }) => atMs / 1_000)
  const timesS = timesOf(samples)
  return (
    <div class="charts small">
      <Chart
        title={health.sockets}
        timesS={timesS}
        lines={[{ color: 'accent', values: samples.map(({ sockets }) => sockets) }]}
      />
      <Chart
        title={health.spool}
        timesS={timesS}
        lines={[{ color: 'wait', values: samples.map(({ spooled }) => spooled) }]}
      />
      <Chart
        title={health.probeAge}
        timesS={timesS}
        lines={[
          {
            color: 'second',
            values: samples.map(({ probeAgeMs: ms }) => (ms === undefined ? ms : ms / 1_000)),
          },
        ]}
      />
      <Chart
        title={health.busy}
        timesS={timesOf(history)}
        lines={[
          { color: 'wait', values: history.map(({ busy }) => (busy === undefined ? busy : busy * 100)) },
        ]}
      />
    </div>
  )
}
