import { parseInstant } from '../instant.ts'
import type { TimeTerm } from './term.ts'

/** The day after it has four digits for its year, too. */
const LATEST_MS = Date.UTC(9999, 0)

/**
 * Parses what follows the key of a time, such as `>=2026-11-27T10:00Z`. A date without a time is the whole day in UTC: `<=` includes
 * it. Returns undefined for anything else.
 */
export function parseTime(key: TimeTerm['key'], text: string): TimeTerm | undefined {
  const [, comparison = '', time = ''] = /^(<=?|>=?)(.*)$/s.exec(text) ?? []
  const instant = parseInstant(time)
  if (instant === undefined || instant.startMs < 0 || instant.startMs >= LATEST_MS) return undefined
  const { startMs, lengthMs } = instant
  const edgeMs = comparison === '>=' || comparison === '<' ? startMs : startMs + lengthMs
  return comparison.startsWith('>') ? { key, fromMs: edgeMs } : { key, beforeMs: edgeMs }
}

/** The shortest text that `parseTime` reads as the same. */
export function formatTime({ key, fromMs, beforeMs }: TimeTerm): string {
  const [comparison, atMs] = fromMs === undefined ? ['<', beforeMs] : ['>=', fromMs]
  return `${key}${comparison}${new Date(atMs).toISOString().replace(/(?::00)?\.000Z$/, 'Z')}`
}
