const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
/** Beyond this no date exists, though a webhook may name it. */
const DATE_AT_MOST_MS = 8.64e15

interface RecallTimeProps {
  readonly atMs: number
  /** The time is that of arrival, because the provider named none. */
  readonly untimed: boolean
}

export function RecallTime({ atMs, untimed }: RecallTimeProps) {
  if (atMs > DATE_AT_MOST_MS) return <span class="time">at {atMs} ms</span>
  const date = new Date(atMs)
  return (
    <time
      class="time"
      dateTime={date.toISOString()}
      title={untimed ? 'when the gateway received it' : undefined}
    >
      {FORMAT.format(date)}
      {untimed && ' (received)'}
    </time>
  )
}
