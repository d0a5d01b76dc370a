import type { Row } from './row.ts'

export const ROWS_AT_MOST = 1_000

interface KeyedRow {
  /** Counts rows; tells them apart while they move down the list. */
  readonly key: number
  readonly row: Row
}

/** The latest rows, newest first. */
export interface RowList {
  readonly rows: readonly KeyedRow[]
  /** Whether older rows were dropped. */
  readonly cut: boolean
}

export const NO_ROWS: RowList = { rows: [], cut: false }

/** The list with `added`, oldest first, on top of it. */
export function addRows({ rows, cut }: RowList, added: readonly Row[]): RowList {
  const nextKey = (rows[0]?.key ?? 0) + 1
  const keyed = added.map((row, i) => ({ key: nextKey + i, row }))
  const all = [...keyed.toReversed(), ...rows]
  return { rows: all.slice(0, ROWS_AT_MOST), cut: cut || all.length > ROWS_AT_MOST }
}
