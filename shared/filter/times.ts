import type { TimeTerm } from './term.ts'

const DAY_MS = 86_400_000
/** The day after it has four digits for its year, too. */
const LATEST_MS = Date.UTC(9999, 0)
const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:[Zz]|[+-]\d\d:\d\d))?$/

/**
 * Parses what follows the key of a time, such as `>=2026-11-27T10:00Z`. A date without a time is the whole day in UTC: `<=` includes
 * it. Returns undefined for anything else: a time without a zone would mean another one on each machine.
 */
export function parseTime(key: TimeTerm['key'], text: string): TimeTerm | undefined {
  const [, comparison = '', time = ''] = /^(<=?|>=?)(.*)$/s.exec(text) ?? []
  const [, year, month, day] = (TIME.exec(time) ?? []).map(Number)
  const startMs = Date.parse(time.toUpperCase())
  if (year === undefined || month === undefined || !(startMs >= 0 && startMs < LATEST_MS)) return undefined
  // Some engines take February 30 for March 2.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCMonth() !== month - 1) return undefined
  const lengthMs = time.length === 'yyyy-mm-dd'.length ? DAY_MS : 1
  const edgeMs = comparison === '>=' || comparison === '<' ? startMs : startMs + lengthMs
  return comparison.startsWith('>') ? { key, fromMs: edgeMs } : { key, beforeMs: edgeMs }
}

/** The shortest text that `parseTime` reads as the same. */
export function formatTime({ key, fromMs, beforeMs }: TimeTerm): string {
  const [comparison, atMs] = fromMs === undefined ? ['<', beforeMs] : ['>=', fromMs]
  return `${key}${comparison}${new Date(atMs).toISOString().replace(/(?::00)?\.000Z$/, 'Z')}`
}
