import UPlot from 'uplot'
import type { Speech } from '../i18n/i18n.ts'
import { onTheme } from '../ui/theme.ts'

const HEIGHT_PX = 150
/** What is shown at least, so that the first points do not jump about. */
const SHOWN_AT_LEAST_S = 60

export interface Line {
  /** Where there are several. */
  readonly name?: string
  /** The CSS variable of that name. */
  readonly colour: 'accent' | 'second' | 'wait'
  /** Undefined is a hole. */
  readonly values: readonly (number | undefined)[]
}

export interface Drawing {
  show(timesS: readonly number[], lines: readonly Line[]): void
  stop(): void
}

/** Draws into an empty element, as wide as that is, in the colours of the theme. */
export function drawChart(box: HTMLElement, lines: readonly Line[], { clock }: Speech): Drawing {
  let data: UPlot.AlignedData = [[], ...lines.map(() => [])]
  const make = (): UPlot => new UPlot(optionsOf(box, lines, clock), data, box)
  let plot = make()
  const again = (): void => {
    plot.destroy()
    plot = make()
  }
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT_PX }))
  observer.observe(box)
  const noTheme = onTheme(again)
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

function optionsOf(box: HTMLElement, lines: readonly Line[], clock: Speech['clock']): UPlot.Options {
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
      x: { range: (_plot, first, last) => [Math.min(first ?? 0, (last ?? 0) - SHOWN_AT_LEAST_S), last ?? 0] },
      y: { range: (_plot, _least, most) => [0, Math.max(1, (most || 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 90,
        values: (_plot, ticks) => ticks.map((s) => clock(s * 1_000).slice(0, 5)),
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
