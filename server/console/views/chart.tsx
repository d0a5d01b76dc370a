import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import { onThemeChange } from '../ui/theme.ts'

interface Line {
  /** Set if there are several lines. */
  readonly name?: string
  /** The name of a CSS variable. */
  readonly color: 'accent' | 'second' | 'wait'
  /** One per time; undefined leaves a hole. */
  readonly values: readonly (number | undefined)[]
}

interface ChartProps {
  readonly title: string
  readonly timesS: readonly number[]
  readonly lines: readonly Line[]
}

/** A line chart, with its latest values and a description for screen readers. */
export function Chart({ title, timesS, lines }: ChartProps) {
  const locale = useLocale()
  const hasData = lines.some(({ values }) => values.at(-1) !== undefined)
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<Plot>(undefined)
  useEffect(() => {
    if (box.current === null) return
    plot.current = createPlot(box.current, lines, locale)
    return () => plot.current?.destroy()
  }, [locale])
  useEffect(() => plot.current?.show(timesS, lines), [locale, timesS.at(-1)])
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
      <div ref={box} class="plot" role="img" aria-label={describe(title, lines, locale)} />
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

const HEIGHT_PX = 150
/** The shortest time span shown, so that the first points do not jump about. */
const MIN_SPAN_S = 60

interface Plot {
  show(timesS: readonly number[], lines: readonly Line[]): void
  destroy(): void
}

/** Draws into an empty element, in its width and in the theme's colors. Follows changes of both. */
function createPlot(box: HTMLElement, lines: readonly Line[], { timeOfDay }: Locale): Plot {
  let data: UPlot.AlignedData = [[], ...lines.map(() => [])]
  const create = (): UPlot => new UPlot(optionsOf(box, lines, timeOfDay), data, box)
  let plot = create()
  const recreate = (): void => {
    plot.destroy()
    plot = create()
  }
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT_PX }))
  observer.observe(box)
  const stopFollowingTheme = onThemeChange(recreate)
  return {
    show(timesS, shown) {
      data = [[...timesS], ...shown.map(({ values }) => values.map((value) => value ?? null))]
      plot.setData(data)
    },
    destroy() {
      stopFollowingTheme()
      observer.disconnect()
      plot.destroy()
    },
  }
}

function optionsOf(box: HTMLElement, lines: readonly Line[], timeOfDay: Locale['timeOfDay']): UPlot.Options {
  const style = getComputedStyle(box)
  const color = (name: string): string => style.getPropertyValue(`--${name}`)
  const axis: UPlot.Axis = {
    stroke: color('soft'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: color('line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      x: { range: (_plot, first, last) => [Math.min(first ?? 0, (last ?? 0) - MIN_SPAN_S), last ?? 0] },
      y: { range: (_plot, _least, most) => [0, Math.max(1, (most || 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 90,
        values: (_plot, ticks) => ticks.map((s) => timeOfDay(s * 1_000).slice(0, 5)),
      },
      { ...axis, size: 44, space: 32 },
    ],
    series: [
      {},
      ...lines.map((line): UPlot.Series => ({
        stroke: color(line.color),
        fill: `color-mix(in srgb, ${color(line.color)} 14%, transparent)`,
        width: 2,
        points: { show: false },
      })),
    ],
  }
}
