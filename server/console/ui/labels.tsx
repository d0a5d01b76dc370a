import { useLocale } from '../i18n/i18n.ts'
import { MAX_DATE_MS } from '../../../shared/recall.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { ApiError } from '../state/api.ts'
import type { Messages } from '../i18n/en.ts'

interface RecallTimeProps {
  readonly atMs: number
  /** The time is that of arrival, because the provider named none. */
  readonly untimed?: boolean
}

/** The time of day, and the day where it is not today. */
export function Timestamp({ atMs, untimed = false }: RecallTimeProps) {
  const { t, dateTime, date, timeOfDay } = useLocale()
  if (atMs > MAX_DATE_MS) return <span>{atMs} ms</span>
  const instant = new Date(atMs)
  const isToday = instant.toDateString() === new Date().toDateString()
  const title = untimed ? `${dateTime(atMs)} · ${t.details.untimed}` : dateTime(atMs)
  return (
    <time dateTime={instant.toISOString()} title={title}>
      {timeOfDay(atMs)}
      {!isToday && <small>{date(atMs)}</small>}
    </time>
  )
}

/** Names come from outside: `bdi` keeps right-to-left text from turning around what stands beside it. */
export function RoomLabel({ room }: { readonly room: Room }) {
  const { t } = useLocale()
  if (isFeed(room)) return <>{t.rooms.feed}</>
  return (
    <>
      {t.rooms.inGroup} <bdi>{room.group}</bdi>
      {room.topic !== undefined && (
        <>
          {' · '}
          {t.rooms.inTopic} <bdi>{room.topic}</bdi>
        </>
      )}
    </>
  )
}

interface Refusal {
  readonly code: string
  readonly message: string
}

/** Why not, in the language of the page where it has words for it. */
export function refusalText({ errors }: Messages, { code, message }: Refusal): string {
  const known: Readonly<Record<string, string>> = errors
  return known[code] ?? message
}

/** What `error` says, whatever was thrown. */
export const asRefusal = (error: unknown): Refusal =>
  error instanceof ApiError ? error : { code: 'INTERNAL', message: String(error) }

export function Failure({ refusal }: { readonly refusal: Refusal }) {
  const { t } = useLocale()
  return (
    <p class="failure" role="alert">
      {refusalText(t, refusal)} <code>{refusal.code}</code>
    </p>
  )
}
