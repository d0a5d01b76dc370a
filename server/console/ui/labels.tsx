import { MAX_DATE_MS } from '../../../shared/recall.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Messages } from '../i18n/en.ts'
import { useLocale } from '../i18n/i18n.ts'
import { ApiError } from '../state/api.ts'

interface TimestampProps {
  readonly atMs: number
  /** Whether this is the time of arrival, because the provider gave none. */
  readonly untimed?: boolean
}

/** The time of day, and the date if it is not today. */
export function Timestamp({ atMs, untimed = false }: TimestampProps) {
  const { t, dateTime, date, timeOfDay } = useLocale()
  if (atMs > MAX_DATE_MS) return <span>{atMs} ms</span>
  const instant = new Date(atMs)
  const isToday = instant.toDateString() === new Date().toDateString()
  const title = untimed ? `${dateTime(atMs)} · ${t.details.noTime}` : dateTime(atMs)
  return (
    <time dateTime={instant.toISOString()} title={title}>
      {timeOfDay(atMs)}
      {!isToday && <small>{date(atMs)}</small>}
    </time>
  )
}

/** A room in words. `bdi` isolates names: right-to-left text must not reorder its surroundings. */
export function RoomLabel({ room }: { readonly room: Room }) {
  const { t } = useLocale()
  if (isFeed(room)) return <>{t.rooms.feed}</>
  return (
    <>
      {t.rooms.groupPrefix} <bdi>{room.group}</bdi>
      {room.topic !== undefined && (
        <>
          {' · '}
          {t.rooms.topicPrefix} <bdi>{room.topic}</bdi>
        </>
      )}
    </>
  )
}

interface Refusal {
  readonly code: string
  readonly message: string
}

/** Returns the reason in the page's language; the gateway's own message if there is no translation. */
export function refusalText({ errors }: Messages, { code, message }: Refusal): string {
  const texts: Readonly<Record<string, string>> = errors
  return texts[code] ?? message
}

/** Returns the code and message of `error`, whatever was thrown. */
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
