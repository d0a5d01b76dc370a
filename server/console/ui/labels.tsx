import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import { isDate } from '../../../shared/recall.ts'
import type { Messages } from '../i18n/en.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import { ApiError } from '../state/api.ts'
import type { ShownProblem } from '../state/health.ts'
import type { Interruption } from '../state/interruptions.ts'

interface TimestampProps {
  readonly atMs: number
  /** Whether this is the time of arrival, because the provider gave none. */
  readonly untimed?: boolean
}

/** The time of day, and the date if it is not today. */
export function Timestamp({ atMs, untimed = false }: TimestampProps) {
  const { t, dateTime, date, isToday, timeOfDay } = useLocale()
  if (!isDate(atMs)) return <span>{atMs} ms</span>
  const instant = new Date(atMs)
  const title = untimed ? `${dateTime(atMs)} · ${t.details.noTime}` : dateTime(atMs)
  return (
    <time dateTime={instant.toISOString()} title={title}>
      {timeOfDay(atMs)}
      {!isToday(atMs) && <small>{date(atMs)}</small>}
    </time>
  )
}

/** Says of a time in which recalls may not have arrived how long it was, why, and what followed. */
export function InterruptionText({ interruption }: { readonly interruption: Interruption }) {
  const { t, timeOfDay } = useLocale()
  const { kind, fromMs, untilMs, code, reason, recovered, late } = interruption
  const until = untilMs === undefined ? undefined : timeOfDay(untilMs)
  const message = reason ?? code
  const why = message === undefined ? undefined : refusalText(t, { code: code ?? message, message })
  const statement = t.events.interruption[kind](timeOfDay(fromMs), until)
  const notes = [
    ...(recovered > 0 ? [t.events.recovered(recovered)] : []),
    ...(late > 0 ? [t.events.late(late)] : []),
  ]
  return (
    <>
      <strong>{statement}</strong>
      {why !== undefined && t.signals.colon + why}
      {notes.map((note) => t.signals.semicolon + note)}
    </>
  )
}

/** Marks a recall that somebody made to test the gateway: nothing was recalled. Without a notice, it is known to be one. */
export function TestMark({ notice }: { readonly notice?: Notice | MemberNotice }) {
  const { t } = useLocale()
  if (notice !== undefined && !('test' in notice)) return null
  return (
    <span class="test-mark" title={t.act.test.title}>
      {t.act.test.mark}
    </span>
  )
}

interface LateMarkProps {
  readonly notice: Notice | MemberNotice
  readonly lateMs: number
}

/** Marks a recall that arrived late. Its title says by which clocks. */
export function LateMark({ notice, lateMs }: LateMarkProps) {
  const { t } = useLocale()
  return (
    <span class="late" title={lateText(t, notice, lateMs)}>
      {t.late.mark(lateMs / 1_000)}
    </span>
  )
}

export const lateText = ({ late }: Messages, notice: Notice | MemberNotice, lateMs: number): string =>
  'receivedAtMs' in notice ? late.detail(lateMs / 1_000) : late.detailForMembers(lateMs / 1_000)

interface Refusal {
  readonly code: string
  readonly message: string
}

/** Returns the reason in the page's language; the gateway's own message if there is no translation. */
export function refusalText({ errors, reasons }: Messages, { code, message }: Refusal): string {
  const texts: Readonly<Record<string, string>> = errors
  // The client knows better why there was no answer.
  if (code === 'NO_ANSWER' && message !== '') return reasons[code] ?? message
  return texts[code] ?? reasons[code] ?? reasons[message] ?? message
}

/** Returns a problem in the page's language; the gateway's own sentence, if there is no better one. */
export function problemText({ t, timeOfDay }: Locale, { code, message, sinceMs }: ShownProblem): string {
  if (sinceMs !== undefined) return t.statusUnknown(timeOfDay(sinceMs))
  return t.problems[code] ?? message
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
