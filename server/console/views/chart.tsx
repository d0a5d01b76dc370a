import { useEffect, useRef } from 'preact/hooks'
import { useSpeech } from '../i18n/i18n.ts'
import type { Speech } from '../i18n/i18n.ts'
import { drawChart } from './draw-chart.ts'
import type { Drawing, Line } from './draw-chart.ts'

interface ChartProps {
  readonly title: string
  readonly timesS: readonly number[]
  readonly lines: readonly Line[]
}

/** A chart, with what it says beside it in words. */
export function Chart({ title, timesS, lines }: ChartProps) {
  const speech = useSpeech()
  const isKnown = lines.some(({ values }) => values.at(-1) !== undefined)
  const box = useRef<HTMLDivElement>(null)
  const drawing = useRef<Drawing>(undefined)
  useEffect(() => {
    if (box.current === null) return
    drawing.current = drawChart(box.current, lines, speech)
    return () => drawing.current?.stop()
  }, [speech])
  useEffect(() => drawing.current?.show(timesS, lines), [speech, timesS.at(-1)])
  return (
    <figure class={isKnown ? 'card chart known' : 'card chart'}>
      <figcaption>
        <h2>{title}</h2>
        <ul>
          {lines.map((line) => (
            <li key={line.colour} class={line.colour}>
              <strong>{latestOf(line, speech)}</strong> {line.name}
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={inWords(title, lines, speech)} />
    </figure>
  )
}

const latestOf = ({ values }: Line, { number }: Speech): string => {
  const latest = values.at(-1)
  return latest === undefined ? '–' : number(latest)
}

/** For those who do not see it: how it is now, and how it was in between. */
function inWords(title: string, lines: readonly Line[], { words, number }: Speech): string {
  const parts = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== undefined)
    const [latest] = known.slice(-1)
    if (latest === undefined) return words.health.notYet
    const range = words.health.range(number(latest), number(Math.min(...known)), number(Math.max(...known)))
    return name === undefined ? range : `${name}: ${range}`
  })
  return `${title}. ${parts.join(' ')}`
}
