import { isDate } from '../../../shared/recall.ts'

/** How numbers and times are written. Times are in ms since 1970. */
export interface Formats {
  /** The time zone at that time, such as `UTC+8`; of now without one. */
  readonly zone: (atMs?: number) => string
  /** Date, time and zone. */
  readonly dateTime: (atMs: number) => string
  /** The same with milliseconds. */
  readonly preciseTime: (atMs: number) => string
  /** The date; with the year only if it is not this year. */
  readonly date: (atMs: number) => string
  readonly isToday: (atMs: number) => boolean
  readonly timeOfDay: (atMs: number) => string
  readonly number: (value: number) => string
}

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
const DATE = { day: 'numeric', month: 'short', year: 'numeric' } as const

/** Returns the formats of a language, in a time zone; in that of the browser without one. `Intl` formats are expensive to create. */
export function createFormats(tag: string, timeZone: string | undefined): Formats {
  const formatter = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(tag, { ...options, ...(timeZone && { timeZone }) })
    return (atMs: number): string => (isDate(atMs) ? format.format(atMs) : `${atMs} ms`)
  }
  const dateThisYear = formatter({ day: 'numeric', month: 'short' })
  const dateOfAnyYear = formatter(DATE)
  const year = formatter({ year: 'numeric' })
  const zone = createZone(timeZone)
  const withZone = (format: (atMs: number) => string) => (atMs: number) => `${format(atMs)} ${zone(atMs)}`
  return {
    zone: (atMs = Date.now()) => zone(atMs),
    dateTime: withZone(formatter({ ...DATE, ...TIME })),
    preciseTime: withZone(formatter({ ...DATE, ...TIME, fractionalSecondDigits: 3 })),
    date: (atMs) => (year(atMs) === year(Date.now()) ? dateThisYear : dateOfAnyYear)(atMs),
    isToday: (atMs) => dateOfAnyYear(atMs) === dateOfAnyYear(Date.now()),
    timeOfDay: formatter(TIME),
    number: new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }).format,
  }
}

/** Returns a function that names the zone by its offset, which every reader can compare. It changes with the time of year. */
function createZone(timeZone: string | undefined): (atMs: number) => string {
  const options = { timeZoneName: 'shortOffset', ...(timeZone && { timeZone }) } as const
  const format = new Intl.DateTimeFormat('en', options)
  return (atMs) => {
    if (!isDate(atMs)) return ''
    const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    return name.replace('GMT', 'UTC').replace(/\+0$/, '')
  }
}
