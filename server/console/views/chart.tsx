import { useEffect, useRef } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import UPlot from 'uplot'
import { onThemeChange } from '../ui/theme.ts'

interface ChartProps {
  readonly title: string
  readonly timesS: readonly number[]
  readonly lines: readonly Line[]
}

/** A chart, with what it says beside it in words. */
export function Chart({ title, timesS, lines }: ChartProps) {
  const locale = useLocale()
  const isKnown = lines.some(({ values }) => values.at(-1) !== undefined)
  const box = useRef<HTMLDivElement>(null)
  const drawing = useRef<Plot>(undefined)
  useEffect(() => {
    if (box.current === null) return
    drawing.current = createPlot(box.current, lines, locale)
    return () => drawing.current?.stop()
  }, [locale])
  useEffect(() => drawing.current?.show(timesS, lines), [locale, timesS.at(-1)])
  return (
    <figure class={isKnown ? 'card chart known' : 'card chart'}>
      <figcaption>
        <h2>{title}</h2>
        <ul>
          {lines.map((line) => (
            <li key={line.colour} class={line.colour}>
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

/** For those who do not see it: how it is now, and how it was in between. */
function describe(title: string, lines: readonly Line[], { t, number }: Locale): string {
  const parts = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== undefined)
    const [latest] = known.slice(-1)
    if (latest === undefined) return t.health.notYet
    const range = t.health.range(number(latest), number(Math.min(...known)), number(Math.max(...known)))
    return name === undefined ? range : `${name}: ${range}`
  })
  return `${title}. ${parts.join(' ')}`
}

const HEIGHT_PX = 150
/** What is shown at least, so that the first points do not jump about. */
const MIN_SPAN_S = 60

interface Line {
  /** Where there are several. */
  readonly name?: string
  /** The CSS variable of that name. */
  readonly colour: 'accent' | 'second' | 'wait'
  /** Undefined is a hole. */
  readonly values: readonly (number | undefined)[]
}

export interface Plot {
  show(timesS: readonly number[], lines: readonly Line[]): void
  stop(): void
}

/** Draws into an empty element, as wide as that is, in the colours of the theme. */
function createPlot(box: HTMLElement, lines: readonly Line[], { timeOfDay }: Locale): Plot {
  let data: UPlot.AlignedData = [[], ...lines.map(() => [])]
  const make = (): UPlot => new UPlot(optionsOf(box, lines, timeOfDay), data, box)
  let plot = make()
  const again = (): void => {
    plot.destroy()
    plot = make()
  }
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT_PX }))
  observer.observe(box)
  const noTheme = onThemeChange(again)
  return {
    show(timesS, shown) {
      data = [[...timesS], ...shown.map(({ values }) => values.map((value) => value ?? null))]
      plot.setData(data)
    },
    stop() {
      noTheme()
      observer.disconnect()
      plot.destroy()
    },
  }
}

function optionsOf(box: HTMLElement, lines: readonly Line[], timeOfDay: Locale['timeOfDay']): UPlot.Options {
  const style = getComputedStyle(box)
  const colour = (name: string): string => style.getPropertyValue(`--${name}`)
  const axis: UPlot.Axis = {
    stroke: colour('soft'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('line'), width: 1 },
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
        stroke: colour(line.colour),
        fill: `color-mix(in srgb, ${colour(line.colour)} 14%, transparent)`,
        width: 2,
        points: { show: false },
      })),
    ],
  }
}
