const DAY_MS = 86_400_000
const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:[Zz]|[+-]\d\d:\d\d))?$/

/** A day in UTC, or a time, which is a millisecond long. */
export interface Instant {
  /** In ms since 1970. */
  readonly startMs: number
  readonly lengthMs: number
}

/**
 * Parses a time with its zone, such as `2026-11-27T10:00Z`, or a day in UTC, `2026-11-27`. Returns undefined for anything else: a time
 * without a zone would mean another one on each machine, and `Date.parse` makes March 2 of February 30.
 */
export function parseInstant(text: string): Instant | undefined {
  const [, year, month, day] = (TIME.exec(text) ?? []).map(Number)
  const startMs = Date.parse(text.toUpperCase())
  if (year === undefined || month === undefined || Number.isNaN(startMs)) return undefined
  if (new Date(Date.UTC(year, month - 1, day)).getUTCMonth() !== month - 1) return undefined
  return { startMs, lengthMs: text.length === 'yyyy-mm-dd'.length ? DAY_MS : 1 }
}
