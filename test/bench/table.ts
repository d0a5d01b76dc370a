import type { Figures } from './row.ts'
import { median } from './statistics.ts'

/** Returns a Markdown table. The first line is its head. */
export function toTable(lines: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = lines
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'))
  return [head, rule, ...rest].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Formats a number with three significant digits. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

/**
 * Returns a table with the medians of each server, the range of the first figure, and the ratios of the first server to
 * the second.
 */
export function compare(figuresOf: ReadonlyMap<string, readonly Figures[]>): string {
  const names = [...figuresOf.keys()]
  const columns = [...new Set([...figuresOf.values()].flat().flatMap(({ values }) => Object.keys(values)))]
  const all = (name: string, column: string): number[] =>
    (figuresOf.get(name) ?? []).map(({ values }) => values[column] ?? NaN)
  const line = (name: string): string[] => [
    name,
    ...columns.map((column, i) => formatMedian(all(name, column), i === 0)),
    describeErrors(figuresOf.get(name) ?? []),
  ]
  const [ours = '', theirs = ''] = names
  const ratios = columns.map((column) =>
    formatNumber(median(all(ours, column)) / median(all(theirs, column))),
  )
  return toTable([
    ['', ...columns, 'errors'],
    ...names.map(line),
    ...(theirs ? [['ratio', ...ratios, '']] : []),
  ])
}

/** What was measured of a row, for the table of all rows. */
interface MeasuredRow {
  readonly title: string
  /** The names of the figures that stand for the row. */
  readonly summary: readonly string[]
  readonly figuresOf: ReadonlyMap<string, readonly Figures[]>
}

/** Returns a table with a line for each row: the medians of the figures that stand for it, and the ratios of ours to theirs. */
export function summarize(rows: readonly MeasuredRow[], [ours, theirs]: readonly string[]): string {
  return toTable([
    ['workload', 'figures', ours ?? '', theirs ?? '', 'ratio'],
    ...rows.map(({ title, summary, figuresOf }) => {
      const medianOf = (name = '', column: string): number =>
        median((figuresOf.get(name) ?? []).map(({ values }) => values[column] ?? NaN))
      const cell = (value: (column: string) => number): string =>
        summary.map((column) => formatNumber(value(column))).join('; ')
      return [
        title,
        summary.join('; '),
        cell((column) => medianOf(ours, column)),
        cell((column) => medianOf(theirs, column)),
        cell((column) => medianOf(ours, column) / medianOf(theirs, column)),
      ]
    }),
  ])
}

function formatMedian(values: readonly number[], isFirst: boolean): string {
  const text = formatNumber(median(values))
  return isFirst && values.length > 1
    ? `${text} (${formatNumber(Math.min(...values))}–${formatNumber(Math.max(...values))})`
    : text
}

/** Returns the errors of all repetitions, or 0. */
export function describeErrors(figures: readonly Figures[]): string {
  const sums = new Map<string, number>()
  for (const { errors } of figures)
    for (const [kind, count] of Object.entries(errors)) sums.set(kind, (sums.get(kind) ?? 0) + count)
  const nonzero = [...sums].filter(([, count]) => count !== 0)
  return nonzero.length === 0 ? '0' : nonzero.map(([kind, count]) => `${kind} ${count}`).join(', ')
}
