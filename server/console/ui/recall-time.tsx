import { useSpeech } from '../i18n/i18n.ts'

/** Beyond this no date exists, though a webhook may name it. */
const DATE_AT_MOST_MS = 8.64e15

interface RecallTimeProps {
  readonly atMs: number
  /** The time is that of arrival, because the provider named none. */
  readonly untimed?: boolean
}

/** The time of day, and the day where it is not today. */
export function RecallTime({ atMs, untimed = false }: RecallTimeProps) {
  const { words, time, day, clock } = useSpeech()
  if (atMs > DATE_AT_MOST_MS) return <span>{atMs} ms</span>
  const date = new Date(atMs)
  const isToday = date.toDateString() === new Date().toDateString()
  const title = untimed ? `${time(atMs)} · ${words.details.untimed}` : time(atMs)
  return (
    <time dateTime={date.toISOString()} title={title}>
      {clock(atMs)}
      {!isToday && <small>{day(atMs)}</small>}
    </time>
  )
}
