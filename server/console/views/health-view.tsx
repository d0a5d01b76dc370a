import type { ProcessState } from '../../../shared/http-api.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Health, Sample } from '../state/health.ts'
import { asRefusal, Failure, Timestamp } from '../ui/labels.tsx'
import { Chart } from './chart.tsx'
import { ProcessTable } from './process-table.tsx'

export function HealthView({ health }: { readonly health: Health | undefined }) {
  const { t } = useLocale()
  if (health === undefined) return <p class="empty">{t.health.adminsOnly}</p>
  const { status, failure, updatedAtMs } = health
  return (
    <div class="pad health">
      {failure !== undefined && (
        <div class="stale">
          <Failure refusal={asRefusal(failure)} />
          {status !== undefined && (
            <p>
              {t.health.stale} <Timestamp atMs={updatedAtMs} />
            </p>
          )}
        </div>
      )}
      {status === undefined && failure === undefined && <p class="empty">{t.loading}</p>}
      {status !== undefined && (
        <div class={failure === undefined ? '' : 'outdated'}>
          <Tiles processes={status.nodes} />
          <Charts samples={health.samples} />
          <ProcessTable processes={status.nodes} />
        </div>
      )}
    </div>
  )
}

/** Probes are sent every second; if the latest is older than this, some did not arrive. */
const MAX_PROBE_AGE_MS = 5_000

/** The four figures operators look for first. */
function Tiles({ processes }: { readonly processes: readonly ProcessState[] }) {
  const { t, number } = useLocale()
  const ready = processes.filter((process) => process.ready).length
  const sockets = processes.reduce((sum, process) => sum + process.sockets, 0)
  const spooled = processes.reduce((sum, { spool }) => sum + (spool?.recalls ?? 0), 0)
  const spoolAgeMs = Math.max(0, ...processes.map(({ spool }) => spool?.ageMs ?? 0))
  const probeAgeMs = Math.max(0, ...processes.map((process) => process.probeAgeMs))
  return (
    <ul class="tiles">
      <Tile
        name={t.health.readyCount}
        value={`${ready} / ${processes.length}`}
        note={ready === processes.length ? t.health.allReady : t.health.notAllReady}
        isGood={ready === processes.length && ready > 0}
      />
      <Tile
        name={t.health.probe}
        value={t.health.ago(probeAgeMs / 1_000)}
        note={t.health.probeInterval}
        isGood={probeAgeMs < MAX_PROBE_AGE_MS}
      />
      <Tile
        name={t.health.spool}
        value={number(spooled)}
        note={spooled === 0 ? t.health.allPublished : t.health.spoolAge(spoolAgeMs / 1_000)}
        isGood={spooled === 0}
      />
      <Tile name={t.health.sockets} value={number(sockets)} note={t.health.allNodes} />
    </ul>
  )
}

interface TileProps {
  readonly name: string
  readonly value: string
  readonly note: string
  /** Undefined if no value is better than another. */
  readonly isGood?: boolean
}

function Tile({ name, value, note, isGood }: TileProps) {
  const mark = isGood === undefined ? '' : isGood ? ' good' : ' bad'
  return (
    <li class={`card tile${mark}`}>
      <h2>{name}</h2>
      <strong>{value}</strong>
      <span>{note}</span>
    </li>
  )
}

/** Throughput and latency over the last minutes. */
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
