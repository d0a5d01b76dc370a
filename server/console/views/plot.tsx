import { useLocale } from '../i18n/i18n.ts'

/** The shortest time span shown, so that the first points do not jump about. */
const MIN_SPAN_S = 60
/** The drawing is stretched to the size of its box. */
const WIDTH = 1_000
const HEIGHT = 100

export interface Line {
  /** Set if there are several lines. */
  readonly name?: string
  /** The name of a CSS variable. */
  readonly color: 'accent' | 'second' | 'wait'
  /** One per time; undefined leaves a hole. */
  readonly values: readonly (number | undefined)[]
}

interface PlotProps {
  readonly timesS: readonly number[]
  readonly lines: readonly Line[]
}

/** The lines over time, with the scales of both axes. */
export function Plot({ timesS, lines }: PlotProps) {
  const { number, timeOfDay } = useLocale()
  const lastS = timesS.at(-1) ?? 0
  const firstS = Math.min(timesS[0] ?? 0, lastS - MIN_SPAN_S)
  const top = roundUp(Math.max(0, ...lines.flatMap(({ values }) => values.flatMap((value) => value ?? []))))
  // Two labels that are the same would say nothing.
  const isShort = timeOfDay(firstS * 1_000).slice(0, 5) === timeOfDay(lastS * 1_000).slice(0, 5)
  const time = (s: number): string => (isShort ? timeOfDay(s * 1_000) : timeOfDay(s * 1_000).slice(0, 5))
  const toX = (s: number): number => ((s - firstS) / (lastS - firstS)) * WIDTH
  const toY = (value: number): number => (1 - value / top) * HEIGHT
  return (
    <>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {[0, top / 2, top].map((value) => (
          <path key={value} class="grid" d={`M0 ${toY(value)}H${WIDTH}`} />
        ))}
        {lines.map(({ color, values }) =>
          segmentsOf(values).map((segment) => {
            const points = segment.map(({ at, value }) => `${toX(timesS[at] ?? 0)} ${toY(value)}`)
            const [first = { at: 0 }, last = first] = [segment[0], segment.at(-1)]
            const base = `L${toX(timesS[last.at] ?? 0)} ${HEIGHT}L${toX(timesS[first.at] ?? 0)} ${HEIGHT}Z`
            return (
              <g key={`${color} ${first.at}`} class={color}>
                <path class="area" d={`M${points.join('L')}${base}`} />
                <path class="line" d={`M${points.join('L')}`} />
              </g>
            )
          }),
        )}
      </svg>
      <div class="scale values" aria-hidden="true">
        {[top, top / 2, 0].map((value) => (
          <span key={value}>{number(value)}</span>
        ))}
      </div>
      <div class="scale times" aria-hidden="true">
        <span>{timesS.length > 0 && time(firstS)}</span>
        <span>{timesS.length > 0 && time(lastS)}</span>
      </div>
    </>
  )
}

interface Point {
  /** Which of the times. */
  readonly at: number
  readonly value: number
}

/** Splits a line at its holes. */
function segmentsOf(values: Line['values']): readonly (readonly Point[])[] {
  const segments: Point[][] = []
  for (const [at, value] of values.entries()) {
    if (value === undefined) continue
    const current = segments.at(-1)
    if (current?.at(-1)?.at === at - 1) current.push({ at, value })
    else segments.push([{ at, value }])
  }
  return segments
}

/** Returns the next of 1, 2, 5, 10, 20, 50 …: a scale that ends there can be read. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)))
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10)
}
