import type { Row } from './row.ts'

/** What of the feed is shown; an empty text shows all. */
export interface Filter {
  readonly group: string
  readonly topic: string
  readonly operator: string
  readonly type: string
  /** In the form of `datetime-local`. */
  readonly from: string
  readonly until: string
}

export const NO_FILTER: Filter = { group: '', topic: '', operator: '', type: '', from: '', until: '' }

export const isEmpty = (filter: Filter): boolean => Object.values(filter).every((value) => value === '')

/** Whether a row is shown. What is no notice always is: one must know it to trust the list. */
export function createMatch(filter: Filter): (row: Row) => boolean {
  const holds = (asked: string) => {
    const text = asked.trim().toLowerCase()
    return (value: string | undefined): boolean => text === '' || (value ?? '').toLowerCase().includes(text)
  }
  const [group, topic, operator, type] = [filter.group, filter.topic, filter.operator, filter.type].map(holds)
  const fromMs = filter.from === '' ? -Infinity : Date.parse(filter.from)
  const untilMs = filter.until === '' ? Infinity : Date.parse(filter.until)
  return (row) => {
    if (row.kind !== 'notice') return true
    const { notice } = row
    const full = 'receivedAtMs' in notice ? notice : undefined
    return (
      group?.(notice.group) === true &&
      topic?.(notice.topic) === true &&
      operator?.(full?.operator) === true &&
      type?.(full?.groupType) === true &&
      notice.recalledAtMs >= fromMs &&
      notice.recalledAtMs <= untilMs
    )
  }
}
