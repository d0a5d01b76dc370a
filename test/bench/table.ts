import type { Figures } from './row.ts'
import { median } from './statistics.ts'

/** As Markdown. */
export function toTable(lines: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = lines
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'))
  return [head, rule, ...rest].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** With three digits that count. */
export function toText(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

/** The medians of each server, with least and most of the first figure, and the ratios of the first server to the second. */
export function compare(played: ReadonlyMap<string, readonly Figures[]>): string {
  const names = [...played.keys()]
  const columns = [...new Set([...played.values()].flat().flatMap(({ values }) => Object.keys(values)))]
  const all = (name: string, column: string): number[] =>
    (played.get(name) ?? []).map(({ values }) => values[column] ?? NaN)
  const line = (name: string): string[] => [
    name,
    ...columns.map((column, i) => withSpread(all(name, column), i === 0)),
    wrongOf(played.get(name) ?? []),
  ]
  const [ours = '', theirs = ''] = names
  const ratios = columns.map((column) => toText(median(all(ours, column)) / median(all(theirs, column))))
  return toTable([
    ['', ...columns, 'wrong'],
    ...names.map(line),
    ...(theirs ? [['ratio', ...ratios, '']] : []),
  ])
}

function withSpread(values: readonly number[], isFirst: boolean): string {
  const middle = toText(median(values))
  return isFirst && values.length > 1
    ? `${middle} (${toText(Math.min(...values))}–${toText(Math.max(...values))})`
    : middle
}

/** What was not 0 of what must be, over all repetitions. */
export function wrongOf(figures: readonly Figures[]): string {
  const sums = new Map<string, number>()
  for (const { wrong } of figures)
    for (const [what, count] of Object.entries(wrong)) sums.set(what, (sums.get(what) ?? 0) + count)
  const bad = [...sums].filter(([, count]) => count !== 0)
  return bad.length === 0 ? '0' : bad.map(([what, count]) => `${what} ${count}`).join(', ')
}
