import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import { Plot } from './plot.tsx'
import type { Line } from './plot.tsx'

interface ChartProps {
  readonly title: string
  readonly timesS: readonly number[]
  readonly lines: readonly Line[]
}

/** A line chart, with its latest values and a description for screen readers. */
export function Chart({ title, timesS, lines }: ChartProps) {
  const locale = useLocale()
  const hasData = lines.some(({ values }) => values.at(-1) !== undefined)
  return (
    <figure class={hasData ? 'card chart known' : 'card chart'}>
      <figcaption>
        <h2>{title}</h2>
        <ul>
          {lines.map((line) => (
            <li key={line.color} class={line.color}>
              <strong>{latestOf(line, locale)}</strong> {line.name}
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="plot" role="img" aria-label={describe(title, lines, locale)}>
        <Plot timesS={timesS} lines={lines} />
      </div>
    </figure>
  )
}

const latestOf = ({ values }: Line, { number }: Locale): string => {
  const latest = values.at(-1)
  return latest === undefined ? '–' : number(latest)
}

/** Describes the chart in words: the latest value of each line, and its range. */
function describe(title: string, lines: readonly Line[], { t, number }: Locale): string {
  const parts = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== undefined)
    const [latest] = known.slice(-1)
    if (latest === undefined) return t.health.noData
    const range = t.health.range(number(latest), number(Math.min(...known)), number(Math.max(...known)))
    return name === undefined ? range : `${name}: ${range}`
  })
  return `${title}. ${parts.join(' ')}`
}
