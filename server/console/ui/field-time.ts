import { parseInstant } from '../../../shared/instant.ts'

const TIME = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/

/** The zone of a field: UTC, or that of the browser. */
interface Zone {
  readonly isUtc: boolean
}

/** Returns the time that a field holds, in ms since 1970; undefined if it is empty, or holds none. A day alone is its beginning. */
export function fromField(value: string, { isUtc }: Zone): number | undefined {
  const [, day, time = '00:00'] = TIME.exec(value.trim()) ?? []
  // The browser would make March 2 of February 30.
  if (day === undefined || parseInstant(day) === undefined) return undefined
  const atMs = Date.parse(`${day}T${time}${isUtc ? 'Z' : ''}`)
  return Number.isNaN(atMs) ? undefined : atMs
}

/** The other way round. */
export function toField(atMs: number | undefined, { isUtc }: Zone): string {
  if (atMs === undefined) return ''
  const offsetMs = isUtc ? 0 : new Date(atMs).getTimezoneOffset() * 60_000
  return new Date(atMs - offsetMs).toISOString().slice(0, 19).replace('T', ' ').replace(/:00$/, '')
}
