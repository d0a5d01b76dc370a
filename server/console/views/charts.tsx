import { useSpeech } from '../i18n/i18n.ts'
import { Chart } from './chart.tsx'
import type { Sample } from '../state/health.ts'

/** What goes through the gateway, over the last minutes. */
export function Charts({ samples }: { readonly samples: readonly Sample[] }) {
  const { health } = useSpeech().words
  const timesS = samples.map(({ atMs }) => atMs / 1_000)
  return (
    <div class="charts">
      <Chart
        title={health.kept}
        timesS={timesS}
        lines={[{ colour: 'accent', values: samples.map(({ rate }) => rate?.keptPerS) }]}
      />
      <Chart
        title={health.delivered}
        timesS={timesS}
        lines={[{ colour: 'second', values: samples.map(({ rate }) => rate?.deliveredPerS) }]}
      />
      <Chart
        title={health.latency}
        timesS={timesS}
        lines={[
          { name: health.median, colour: 'accent', values: samples.map(({ p50Ms }) => p50Ms) },
          { name: health.slowest, colour: 'wait', values: samples.map(({ p99Ms }) => p99Ms) },
        ]}
      />
    </div>
  )
}
